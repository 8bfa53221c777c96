-- Hubs that tell of news (WebSub): what is subscribed to, for which source.
CREATE TABLE subscription (
    id INTEGER PRIMARY KEY,
    source_id INTEGER NOT NULL REFERENCES source,
    hub TEXT NOT NULL,
    topic TEXT NOT NULL,
    -- Last part of the address that the hub calls, which nobody can guess.
    path TEXT NOT NULL UNIQUE,
    -- What the hub signs with.
    secret TEXT NOT NULL,
    -- 0: it is to be ended.
    wanted INTEGER NOT NULL DEFAULT 1,
    made_at TEXT NOT NULL,
    -- The address as the hub was last told it, and when.
    callback TEXT,
    asked_at TEXT,
    -- When the hub last made sure that we asked, and until when that holds.
    verified_at TEXT,
    lease_ends_at TEXT,
    -- Since it was last verified.
    tries INTEGER NOT NULL DEFAULT 0,
    next_try_at TEXT NOT NULL,
    last_error TEXT,
    -- Set by a hint until the source is polled for it.
    hinted_at TEXT,
    UNIQUE (source_id, hub, topic)
) STRICT;
CREATE INDEX subscription_next ON subscription (next_try_at);
CREATE INDEX subscription_hinted ON subscription (hinted_at) WHERE hinted_at IS NOT NULL;
