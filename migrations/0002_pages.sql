-- Pages of articles of which the feed gave only the beginning: still to be read,
-- or given up.
CREATE TABLE page_owed (
    article_id INTEGER PRIMARY KEY REFERENCES article ON DELETE CASCADE,
    source_id INTEGER NOT NULL REFERENCES source,
    -- The feed's own text, which the page's is joined to.
    teaser TEXT NOT NULL,
    -- The last whole text there was; null where there never was one.
    whole TEXT,
    -- 1: it came with its source's first poll, so that its matches wake nobody.
    is_backlog INTEGER NOT NULL,
    owed_at TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    -- Null once given up.
    next_try_at TEXT,
    last_error TEXT
) STRICT;
CREATE INDEX page_owed_next ON page_owed (source_id, next_try_at);
CREATE INDEX page_owed_owed_at ON page_owed (owed_at);

CREATE VIEW pages_not_read AS
SELECT p.owed_at, s.name AS source, a.title, p.tries, p.next_try_at, p.last_error, a.link, a.id AS article_id
FROM page_owed p
JOIN article a ON a.id = p.article_id
JOIN source s ON s.id = p.source_id
ORDER BY p.owed_at DESC;

-- Since when permanent redirects lead to moved_to.
ALTER TABLE source ADD COLUMN moved_since_at TEXT;
UPDATE source SET moved_since_at = polled_at WHERE moved_to IS NOT NULL;
-- Why its health is what it is, where that is not 'healthy'.
ALTER TABLE source ADD COLUMN health_reason TEXT;

-- JSON: when it publishes.
ALTER TABLE source ADD COLUMN habit TEXT;

DROP VIEW sick_sources;
CREATE VIEW sick_sources AS
SELECT name AS source, health, health_since_at, failures, coalesce(health_reason, last_error) AS reason,
       last_error, next_poll_at, url
FROM source
WHERE retired_at IS NULL AND health NOT IN ('', 'new', 'healthy', 'moved')
ORDER BY health_since_at;

-- Hash of the entry as last published under this identity: an article may have several.
ALTER TABLE seen ADD COLUMN entry_hash INTEGER;

-- Polls in which every entry was new are kept until they have been told of.
CREATE INDEX poll_rolled_over ON poll (polled_at) WHERE outcome = 'rolled over';
