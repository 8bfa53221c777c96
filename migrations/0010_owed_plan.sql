-- A plan's feed reads what the plan told and has yet to tell.
CREATE INDEX owed_plan ON owed (plan);

-- Mail whose place was taken by parts, and the parts that tell again what it told.
CREATE VIEW replaced AS
SELECT o.id AS outbox_id, x.id AS part_id
FROM outbox o
JOIN outbox x ON x.digest_id = o.digest_id AND x.recipient = o.recipient AND x.id > o.id
JOIN part q ON q.outbox_id = x.id
LEFT JOIN part p ON p.outbox_id = o.id
WHERE o.state = 'dropped' AND (
    p.outbox_id IS NULL
    OR EXISTS (SELECT value FROM json_each(p.owed) INTERSECT SELECT value FROM json_each(q.owed))
    OR EXISTS (SELECT value FROM json_each(p.corrections) INTERSECT SELECT value FROM json_each(q.corrections)));
