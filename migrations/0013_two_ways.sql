-- The operator is told by mail and in chats, each in its own time: what was told by one
-- may still be owed to the other. Bits: 1 by mail, 2 in chats.
UPDATE outbox SET refusal_told = 3 WHERE refusal_told;
UPDATE departure SET told = 3 WHERE told;
-- The health that the operator was last told of in chats, as `health_told` is by mail.
ALTER TABLE source ADD COLUMN health_told_chats TEXT NOT NULL DEFAULT '';
UPDATE source SET health_told_chats = health_told;
