-- Plans that are or were configured, so that one under another name is known again
-- by those it tells.
CREATE TABLE plan (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- Whom it tells: a JSON array in the order of the alphabet.
    recipients TEXT NOT NULL,
    -- 1: it stood in the configuration that was read last.
    is_configured INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO plan (name, recipients)
SELECT plan, '[]' FROM (SELECT plan FROM digest UNION SELECT plan FROM owed UNION SELECT plan FROM departure)
WHERE plan <> '(operator)' ORDER BY plan;

-- What a plan was called before, until another plan is called so.
CREATE TABLE former_name (
    name TEXT PRIMARY KEY,
    plan_id INTEGER NOT NULL REFERENCES plan (id)
) STRICT;
