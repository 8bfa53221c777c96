-- A rescore finds matches in the history, which are told as history, and finds
-- that others no longer hold, which stay on record where somebody was told.

-- Set while the watch no longer finds the article. Its hits and addends are gone,
-- its score is the last one it had.
ALTER TABLE match ADD COLUMN gone_at TEXT;

DROP VIEW not_yet_told;

-- The number of a debt names the mail that tells it, so it is never given twice.
CREATE TABLE owed_with_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    plan TEXT NOT NULL,
    match_id INTEGER NOT NULL REFERENCES match ON DELETE CASCADE,
    urgency TEXT NOT NULL CHECK (urgency IN ('at once', 'digest', 'history')),
    owed_at TEXT NOT NULL,
    digest_id INTEGER REFERENCES digest,
    UNIQUE (plan, match_id)
) STRICT;
INSERT INTO owed_with_history SELECT id, plan, match_id, urgency, owed_at, digest_id FROM owed;
DROP TABLE owed;
ALTER TABLE owed_with_history RENAME TO owed;
CREATE INDEX owed_match ON owed (match_id);
CREATE INDEX owed_untold ON owed (plan) WHERE digest_id IS NULL;
CREATE INDEX owed_digest ON owed (digest_id) WHERE digest_id IS NOT NULL;

CREATE VIEW not_yet_told AS
SELECT w.owed_at, w.plan, w.urgency, m.watch, m.score, a.title, a.id AS article_id
FROM owed w
JOIN match m ON m.id = w.match_id
JOIN article a ON a.id = m.article_id
WHERE w.digest_id IS NULL
ORDER BY w.id;

DROP VIEW recent_matches;
CREATE VIEW recent_matches AS
SELECT m.found_at, m.watch, m.score, a.title, s.name AS source, a.language, a.published_at, a.link,
       a.id AS article_id
FROM match m
JOIN article a ON a.id = m.article_id
JOIN source s ON s.id = a.source_id
WHERE m.gone_at IS NULL
ORDER BY m.id DESC;

DROP VIEW matches_by_watch;
CREATE VIEW matches_by_watch AS
SELECT m.watch, count(*) AS matches, max(m.found_at) AS newest_at, max(m.score) AS best_score
FROM match m
WHERE m.gone_at IS NULL
GROUP BY m.watch
ORDER BY matches DESC;
