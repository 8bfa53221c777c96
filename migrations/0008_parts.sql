-- A mail that a server found too large goes on in parts: what each of them tells.
CREATE TABLE part (
    outbox_id INTEGER PRIMARY KEY REFERENCES outbox ON DELETE CASCADE,
    -- Part `number` of `parts`.
    number INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    -- JSON arrays of rows of owed and of correction.
    owed TEXT NOT NULL,
    corrections TEXT NOT NULL,
    -- 1: a single story that was too large even alone, told by headline and link.
    is_headline INTEGER NOT NULL
) STRICT;
