-- What the keys of requests stand for. A key belongs to its sender and is kept with the effect that it had.
CREATE TABLE IF NOT EXISTS idempotency_records (
    sender_kind VARCHAR(8) NOT NULL,
    -- A user's id, or the name of an admin key. Bytes, since such a name may end in a space.
    sender VARBINARY(255) NOT NULL,
    -- Bytes, since every collation that MySQL and MariaDB share takes 'key' and 'key ' for the same.
    idempotency_key VARBINARY(255) NOT NULL,
    -- What the request does. What it does it to is in the digest.
    operation VARCHAR(32) NOT NULL,
    digest BINARY(32) NOT NULL,
    -- The ledger row, the concert or the performance that came of it. No foreign key: the key comes first in its
    -- transaction, so that a second call with it waits there; and what was created may be deleted again.
    effect_id BINARY(16) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    -- From when on it may be purged; null where a repeat would cost money or a seat.
    expires_at DATETIME(6),
    PRIMARY KEY (sender_kind, sender, idempotency_key),
    -- For the purge.
    KEY idempotency_records_due (expires_at),
    CONSTRAINT idempotency_records_sender CHECK (sender_kind IN ('user', 'operator') AND LENGTH(sender) > 0),
    CONSTRAINT idempotency_records_key CHECK (LENGTH(idempotency_key) > 0),
    CONSTRAINT idempotency_records_operation CHECK (
        operation IN ('charge', 'operator-charge', 'payment', 'create-concert', 'create-performance')
    ),
    CONSTRAINT idempotency_records_expiry CHECK (
        (expires_at IS NULL) = (operation IN ('charge', 'operator-charge', 'payment'))
    )
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
