CREATE TABLE IF NOT EXISTS ledger (
    id BINARY(16) NOT NULL PRIMARY KEY,
    user_id VARCHAR(64) NOT NULL,
    reason VARCHAR(7) NOT NULL,
    amount BIGINT NOT NULL,
    balance_after BIGINT NOT NULL,
    reservation_id BINARY(16),
    at DATETIME(6) NOT NULL,
    KEY ledger_of_user (user_id, id),
    -- A reservation is paid once.
    UNIQUE KEY ledger_one_payment (reservation_id),
    CONSTRAINT ledger_user FOREIGN KEY (user_id) REFERENCES balances (user_id),
    CONSTRAINT ledger_reservation FOREIGN KEY (reservation_id) REFERENCES reservations (id),
    CONSTRAINT ledger_reason CHECK (reason IN ('charge', 'payment')),
    CONSTRAINT ledger_amount CHECK (amount BETWEEN 0 AND 9007199254740991),
    CONSTRAINT ledger_balance CHECK (balance_after BETWEEN 0 AND 9007199254740991),
    CONSTRAINT ledger_payment CHECK ((reason = 'payment') = (reservation_id IS NOT NULL)),
    CONSTRAINT ledger_charge CHECK (reason = 'payment' OR amount > 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
