-- What the keys of requests stand for. A key belongs to its sender and is kept with the effect that it had.
CREATE TABLE idempotency_records (
    sender_kind TEXT NOT NULL CHECK (sender_kind IN ('user', 'operator')),
    -- A user's id, or the name of an admin key.
    sender TEXT NOT NULL CHECK (length(sender) > 0),
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    -- What the request does. What it does it to is in the digest.
    operation TEXT NOT NULL CHECK (
        operation IN ('charge', 'operator-charge', 'payment', 'create-concert', 'create-performance')
    ),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    -- The ledger row, the concert or the performance that came of it. No foreign key: what was created may be
    -- deleted again.
    effect_id BLOB NOT NULL CHECK (length(effect_id) = 16),
    created_at INTEGER NOT NULL,
    -- From when on it may be purged; null where a repeat would cost money or a seat.
    expires_at INTEGER,
    PRIMARY KEY (sender_kind, sender, key),
    CHECK ((expires_at IS NULL) = (operation IN ('charge', 'operator-charge', 'payment')))
) STRICT, WITHOUT ROWID;

-- For the purge.
CREATE INDEX idempotency_records_due ON idempotency_records (expires_at) WHERE expires_at IS NOT NULL;

-- Keys from before are honoured for the account that they changed and for every operator, and never purged.
ALTER TABLE idempotency_keys RENAME TO former_idempotency_keys;
DROP INDEX idempotency_keys_by_age;
