-- The number of an entry among its user's, from 1 and without gaps. Null for entries from before, whose order nobody noted.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'ledger' AND column_name = 'seq'),
    'DO 0',
    'ALTER TABLE ledger ADD COLUMN seq BIGINT');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
