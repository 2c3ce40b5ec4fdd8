SET @change = IF(
    EXISTS (SELECT * FROM information_schema.statistics
            WHERE table_schema = DATABASE() AND table_name = 'ledger' AND index_name = 'ledger_in_order'),
    'ALTER TABLE ledger DROP KEY ledger_in_order',
    'DO 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
