-- No two entries of a user have the same number. By itself, since together with the column it would rebuild the table.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.statistics
            WHERE table_schema = DATABASE() AND table_name = 'ledger' AND index_name = 'ledger_in_order'),
    'DO 0',
    'ALTER TABLE ledger ADD UNIQUE KEY ledger_in_order (user_id, seq)');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
