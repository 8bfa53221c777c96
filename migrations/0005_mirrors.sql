-- The address a source is read at, and whose etag and last_modified are, where that
-- is not url: a mirror, or where it has moved to.
ALTER TABLE source ADD COLUMN read_from TEXT;
