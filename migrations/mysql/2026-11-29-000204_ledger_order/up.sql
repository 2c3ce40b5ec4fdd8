-- The order of a user's entries, from 1 and without gaps, in which each balance follows from the one before. Null for entries
-- from before, whose order nobody noted.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'ledger' AND column_name = 'seq'),
    'DO 0',
    'ALTER TABLE ledger
         ADD COLUMN seq BIGINT,
         ADD UNIQUE KEY ledger_in_order (user_id, seq)');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
