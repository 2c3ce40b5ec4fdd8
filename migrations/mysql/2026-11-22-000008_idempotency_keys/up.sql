CREATE TABLE IF NOT EXISTS idempotency_keys (
    user_id VARCHAR(64) NOT NULL,
    -- Bytes, since every collation that MySQL and MariaDB share takes 'key' and 'key ' for the same.
    idempotency_key VARBINARY(255) NOT NULL,
    digest BINARY(32) NOT NULL,
    -- The effect: a charge is this row, a payment is this row and the reservation that it pays. No foreign key, which
    -- would be checked at once: the key comes first in its transaction, so that a second call with it waits there.
    ledger_entry_id BINARY(16) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (user_id, idempotency_key),
    -- No two keys stand for one effect.
    UNIQUE KEY idempotency_keys_effect (ledger_entry_id),
    -- For the purge.
    KEY idempotency_keys_by_age (created_at),
    CONSTRAINT idempotency_keys_key CHECK (LENGTH(idempotency_key) > 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
