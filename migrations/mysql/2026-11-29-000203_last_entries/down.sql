SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'balances' AND column_name = 'last_seq'),
    'ALTER TABLE balances DROP COLUMN last_seq',
    'DO 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
