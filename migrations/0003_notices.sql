-- Mail can be given up by hand; a try says how far it came; an edit of what was
-- told is owed to those who were told.

DROP VIEW mail_owed;
DROP VIEW mail_refused;

CREATE TABLE outbox_next (
    id INTEGER PRIMARY KEY,
    digest_id INTEGER NOT NULL REFERENCES digest,
    message_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- 'dropped': somebody decided that it need not arrive.
    state TEXT NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'sent', 'refused', 'dropped')),
    tries INTEGER NOT NULL DEFAULT 0,
    next_try_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    settled_at TEXT,
    -- Whether the operator was told that it was refused.
    refusal_told INTEGER NOT NULL DEFAULT 0,
    -- Last, so that the rest of a row is read without it.
    wire BLOB NOT NULL,
    UNIQUE (message_id, recipient)
) STRICT;
INSERT INTO outbox_next (id, digest_id, message_id, sender, recipient, subject, state, tries, next_try_at,
                         created_at, settled_at, refusal_told, wire)
SELECT id, digest_id, message_id, sender, recipient, subject, state, tries, next_try_at,
       created_at, settled_at, refusal_told, wire FROM outbox;

CREATE TABLE delivery_next (
    id INTEGER PRIMARY KEY,
    outbox_id INTEGER NOT NULL REFERENCES outbox_next ON DELETE CASCADE,
    tried_at TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('sent', 'deferred', 'refused', 'unknown')),
    reason TEXT,
    -- Where it failed: 'connect', 'recipient', 'message' …
    step TEXT
) STRICT;
INSERT INTO delivery_next (id, outbox_id, tried_at, outcome, reason)
SELECT id, outbox_id, tried_at, outcome, reason FROM delivery;

DROP TABLE delivery;
DROP TABLE outbox;
ALTER TABLE outbox_next RENAME TO outbox;
ALTER TABLE delivery_next RENAME TO delivery;
CREATE INDEX outbox_digest ON outbox (digest_id);
CREATE INDEX outbox_owed ON outbox (next_try_at) WHERE state = 'owed';
CREATE INDEX outbox_state ON outbox (state);
CREATE INDEX delivery_outbox ON delivery (outbox_id);

-- A text was replaced after a plan had been owed it; digest_id says which digest
-- told the change, or told the new text as a whole.
CREATE TABLE correction (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL,
    revision_id INTEGER NOT NULL REFERENCES revision ON DELETE CASCADE,
    owed_at TEXT NOT NULL,
    digest_id INTEGER REFERENCES digest,
    UNIQUE (plan, revision_id)
) STRICT;
CREATE INDEX correction_revision ON correction (revision_id);
CREATE INDEX correction_untold ON correction (plan) WHERE digest_id IS NULL;

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
