CREATE TABLE balances (
    user_id TEXT NOT NULL PRIMARY KEY,
    balance INTEGER NOT NULL CHECK (balance BETWEEN 0 AND 9007199254740991)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id TEXT NOT NULL REFERENCES balances (user_id),
    reason TEXT NOT NULL CHECK (reason IN ('charge', 'payment')),
    amount INTEGER NOT NULL CHECK (amount BETWEEN 0 AND 9007199254740991),
    balance_after INTEGER NOT NULL CHECK (balance_after BETWEEN 0 AND 9007199254740991),
    reservation_id BLOB REFERENCES reservations (id),
    at INTEGER NOT NULL,
    CHECK ((reason = 'payment') = (reservation_id IS NOT NULL)),
    CHECK (reason = 'payment' OR amount > 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX ledger_of_user ON ledger (user_id, id);
-- A reservation is paid once.
CREATE UNIQUE INDEX ledger_one_payment ON ledger (reservation_id) WHERE reservation_id IS NOT NULL;

CREATE TRIGGER ledger_is_never_edited BEFORE UPDATE ON ledger
BEGIN
    SELECT raise(ABORT, 'a ledger row is never edited');
END;
CREATE TRIGGER ledger_is_never_deleted BEFORE DELETE ON ledger
BEGIN
    SELECT raise(ABORT, 'a ledger row is never deleted');
END;

CREATE TABLE idempotency_keys (
    user_id TEXT NOT NULL,
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    -- The effect: a charge is this row, a payment is this row and the reservation that it pays.
    ledger_entry_id BLOB NOT NULL REFERENCES ledger (id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;

-- For the purge.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
