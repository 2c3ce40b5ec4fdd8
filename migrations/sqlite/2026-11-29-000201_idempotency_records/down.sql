ALTER TABLE former_idempotency_keys RENAME TO idempotency_keys;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
DROP TABLE idempotency_records;
