-- Readers leave a plan by one click (RFC 8058). The key makes the addresses for
-- that unguessable, and is theirs as long as mail is kept.
INSERT INTO meta VALUES ('unsubscribe_key', lower(hex(randomblob(32))));

CREATE TABLE departure (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL,
    recipient TEXT NOT NULL,
    left_at TEXT NOT NULL,
    -- Set once somebody has taken it back.
    returned_at TEXT,
    -- Whether the operator was told.
    told INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX departure_lasting ON departure (plan, recipient) WHERE returned_at IS NULL;
