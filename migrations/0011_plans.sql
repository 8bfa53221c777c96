-- Plans that are or were configured, so that one under another name is known again
-- by those it tells.
CREATE TABLE plan (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- JSON arrays: whom it tells, and what it was called before.
    recipients TEXT NOT NULL,
    formerly TEXT NOT NULL DEFAULT '[]',
    -- JSON: what else it is known by where several tell the same people.
    marks TEXT NOT NULL DEFAULT '',
    -- 1: it stood in the configuration that was read last.
    is_configured INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO plan (name, recipients)
SELECT plan, '[]' FROM (SELECT plan FROM digest UNION SELECT plan FROM owed UNION SELECT plan FROM departure)
WHERE plan <> '(operator)' ORDER BY plan;
