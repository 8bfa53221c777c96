-- Times are RFC 3339 in UTC (2026-11-23T22:20:00Z), so they sort as text.
-- Rows of article are in first-seen order.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta VALUES ('instance', lower(hex(randomblob(8))));

CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    etag TEXT,
    last_modified TEXT,
    next_poll_at TEXT,
    not_before_at TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    polled_at TEXT,
    healthy_at TEXT,
    health TEXT NOT NULL DEFAULT '',
    health_since_at TEXT,
    -- The health that the operator was last told of.
    health_told TEXT NOT NULL DEFAULT '',
    moved_to TEXT,
    added_at TEXT NOT NULL,
    -- Set while the configuration no longer names it; its articles stay.
    retired_at TEXT
) STRICT;

-- The newest polls of each source.
CREATE TABLE poll (
    id INTEGER PRIMARY KEY,
    source_id INTEGER NOT NULL REFERENCES source,
    polled_at TEXT NOT NULL,
    outcome TEXT NOT NULL,
    entries INTEGER NOT NULL,
    new_articles INTEGER NOT NULL,
    revisions INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    millis INTEGER NOT NULL,
    -- JSON array of sentences.
    faults TEXT NOT NULL,
    error TEXT
) STRICT;
CREATE INDEX poll_source ON poll (source_id);
CREATE INDEX poll_polled_at ON poll (polled_at);

CREATE TABLE article (
    id INTEGER PRIMARY KEY,
    source_id INTEGER NOT NULL REFERENCES source,
    first_seen_at TEXT NOT NULL,
    published_at TEXT,
    revised_at TEXT,
    title TEXT NOT NULL,
    link TEXT,
    language TEXT,
    -- JSON array of names.
    authors TEXT NOT NULL,
    -- The first article that told the same news.
    story_id INTEGER NOT NULL,
    -- 64 bits; texts that differ in few bits are near-duplicates. 0: none.
    fingerprint INTEGER NOT NULL,
    -- 64 bits of the entry as published: another hash is worth another look.
    entry_hash INTEGER NOT NULL,
    -- Last, so that the rest of a row is read without it.
    text TEXT NOT NULL
) STRICT;
CREATE INDEX article_source ON article (source_id);
CREATE INDEX article_first_seen_at ON article (first_seen_at);
CREATE INDEX article_link ON article (link) WHERE link IS NOT NULL;
CREATE INDEX article_story ON article (story_id);

-- Texts an article had before the present one.
CREATE TABLE revision (
    id INTEGER PRIMARY KEY,
    article_id INTEGER NOT NULL REFERENCES article ON DELETE CASCADE,
    replaced_at TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX revision_article ON revision (article_id);

-- Every identity ever seen. Outlives its article, so that nothing comes back as new.
CREATE TABLE seen (
    source_id INTEGER NOT NULL REFERENCES source,
    identity TEXT NOT NULL,
    article_id INTEGER REFERENCES article ON DELETE SET NULL,
    first_seen_at TEXT NOT NULL,
    PRIMARY KEY (source_id, identity)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_article ON seen (article_id);

CREATE TABLE match (
    id INTEGER PRIMARY KEY,
    article_id INTEGER NOT NULL REFERENCES article ON DELETE CASCADE,
    watch TEXT NOT NULL,
    score REAL NOT NULL,
    found_at TEXT NOT NULL,
    UNIQUE (article_id, watch)
) STRICT;
CREATE INDEX match_watch ON match (watch, article_id);
CREATE INDEX match_found_at ON match (found_at);

-- Evidence: bytes first_byte to end_byte (exclusive) of the article's field.
CREATE TABLE hit (
    id INTEGER PRIMARY KEY,
    match_id INTEGER NOT NULL REFERENCES match ON DELETE CASCADE,
    field TEXT NOT NULL,
    first_byte INTEGER NOT NULL,
    end_byte INTEGER NOT NULL,
    text TEXT NOT NULL,
    rule TEXT NOT NULL,
    certainty REAL NOT NULL
) STRICT;
CREATE INDEX hit_match ON hit (match_id);

-- What a match's score is the sum of.
CREATE TABLE addend (
    id INTEGER PRIMARY KEY,
    match_id INTEGER NOT NULL REFERENCES match ON DELETE CASCADE,
    points REAL NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX addend_match ON addend (match_id);

-- What one plan told its recipients about one window of time.
CREATE TABLE digest (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL,
    slot TEXT NOT NULL,
    -- End of the window it closes; null for an alert, which closes none.
    until_at TEXT,
    created_at TEXT NOT NULL,
    UNIQUE (plan, slot)
) STRICT;

-- A match some plan is to be told of; digest_id says which digest told it.
CREATE TABLE owed (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL,
    match_id INTEGER NOT NULL REFERENCES match ON DELETE CASCADE,
    urgency TEXT NOT NULL CHECK (urgency IN ('at once', 'digest')),
    owed_at TEXT NOT NULL,
    digest_id INTEGER REFERENCES digest,
    UNIQUE (plan, match_id)
) STRICT;
CREATE INDEX owed_match ON owed (match_id);
CREATE INDEX owed_untold ON owed (plan) WHERE digest_id IS NULL;
CREATE INDEX owed_digest ON owed (digest_id) WHERE digest_id IS NOT NULL;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    digest_id INTEGER NOT NULL REFERENCES digest,
    message_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    wire BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'sent', 'refused')),
    tries INTEGER NOT NULL DEFAULT 0,
    next_try_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    settled_at TEXT,
    -- Whether the operator was told that it was refused.
    refusal_told INTEGER NOT NULL DEFAULT 0,
    UNIQUE (message_id, recipient)
) STRICT;
CREATE INDEX outbox_digest ON outbox (digest_id);
CREATE INDEX outbox_owed ON outbox (next_try_at) WHERE state = 'owed';
CREATE INDEX outbox_state ON outbox (state);

-- What became of each try.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    outbox_id INTEGER NOT NULL REFERENCES outbox ON DELETE CASCADE,
    tried_at TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('sent', 'deferred', 'refused', 'unknown')),
    reason TEXT
) STRICT;
CREATE INDEX delivery_outbox ON delivery (outbox_id);

-- Search over the folded form (one Latin skeleton for every script); rowid is article.id.
CREATE VIRTUAL TABLE article_search USING fts5 (
    title, text, content = '', contentless_delete = 1, tokenize = 'ascii'
);

CREATE VIEW recent_matches AS
SELECT m.found_at, m.watch, m.score, a.title, s.name AS source, a.language, a.published_at, a.link,
       a.id AS article_id
FROM match m
JOIN article a ON a.id = m.article_id
JOIN source s ON s.id = a.source_id
ORDER BY m.id DESC;

CREATE VIEW articles_by_source AS
SELECT s.name AS source, count(a.id) AS articles, max(a.first_seen_at) AS newest_at, s.health, s.url
FROM source s
LEFT JOIN article a ON a.source_id = s.id
GROUP BY s.id
ORDER BY articles DESC;

CREATE VIEW matches_by_watch AS
SELECT m.watch, count(*) AS matches, max(m.found_at) AS newest_at, max(m.score) AS best_score
FROM match m
GROUP BY m.watch
ORDER BY matches DESC;

CREATE VIEW mail_owed AS
SELECT o.created_at, d.plan, o.recipient, o.subject, o.tries, o.next_try_at,
       (SELECT v.reason FROM delivery v WHERE v.outbox_id = o.id ORDER BY v.id DESC LIMIT 1) AS last_reason
FROM outbox o
JOIN digest d ON d.id = o.digest_id
WHERE o.state = 'owed'
ORDER BY o.id;

CREATE VIEW mail_refused AS
SELECT o.settled_at, d.plan, o.recipient, o.subject, o.tries,
       (SELECT v.reason FROM delivery v WHERE v.outbox_id = o.id ORDER BY v.id DESC LIMIT 1) AS last_reason
FROM outbox o
JOIN digest d ON d.id = o.digest_id
WHERE o.state = 'refused'
ORDER BY o.settled_at DESC;

CREATE VIEW not_yet_told AS
SELECT w.owed_at, w.plan, w.urgency, m.watch, m.score, a.title, a.id AS article_id
FROM owed w
JOIN match m ON m.id = w.match_id
JOIN article a ON a.id = m.article_id
WHERE w.digest_id IS NULL
ORDER BY w.id;

CREATE VIEW sick_sources AS
SELECT name AS source, health, health_since_at, failures, last_error, next_poll_at, url
FROM source
WHERE retired_at IS NULL AND health NOT IN ('', 'healthy')
ORDER BY health_since_at;
