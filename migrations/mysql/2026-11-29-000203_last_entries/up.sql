-- The number of the account's last ledger entry; 0 before the first that has a number.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'balances' AND column_name = 'last_seq'),
    'DO 0',
    'ALTER TABLE balances ADD COLUMN last_seq BIGINT NOT NULL DEFAULT 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
