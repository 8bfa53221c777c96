-- Pages that were read, and whether they are still there: a story that somebody was
-- told and whose page is gone is owed to them as removed.
CREATE TABLE page_seen (
    article_id INTEGER PRIMARY KEY REFERENCES article ON DELETE CASCADE,
    source_id INTEGER NOT NULL REFERENCES source,
    read_at TEXT NOT NULL,
    -- When it was last there.
    found_at TEXT NOT NULL,
    -- Since when it is not.
    missing_at TEXT,
    -- Null once nobody looks any more.
    next_look_at TEXT,
    etag TEXT,
    last_modified TEXT
) STRICT;
CREATE INDEX page_seen_next ON page_seen (source_id, next_look_at);
CREATE INDEX page_seen_read ON page_seen (source_id, read_at);

-- A story whose page is gone; digest_id says which digest told so.
CREATE TABLE removal (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL,
    article_id INTEGER NOT NULL REFERENCES article ON DELETE CASCADE,
    missing_at TEXT NOT NULL,
    owed_at TEXT NOT NULL,
    digest_id INTEGER REFERENCES digest,
    UNIQUE (plan, article_id)
) STRICT;
CREATE INDEX removal_article ON removal (article_id);
CREATE INDEX removal_untold ON removal (plan) WHERE digest_id IS NULL;
