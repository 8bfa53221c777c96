-- 1: settled when it was written, since a copy that says as much was told: nobody was
-- shown it. What was told and what was not is no matter of two clocks.
ALTER TABLE owed ADD COLUMN is_copy INTEGER NOT NULL DEFAULT 0;
UPDATE owed SET is_copy = 1
WHERE digest_id IS NOT NULL AND owed_at > (SELECT created_at FROM digest WHERE id = owed.digest_id);

-- JSON: the watches that it says are found far more often than usual, each with the
-- stories of the day and the usual number.
ALTER TABLE digest ADD COLUMN spikes TEXT NOT NULL DEFAULT '[]';
