SET @change = IF(
    EXISTS (SELECT * FROM information_schema.tables
            WHERE table_schema = DATABASE() AND table_name = 'former_idempotency_keys'),
    'RENAME TABLE former_idempotency_keys TO idempotency_keys',
    'DO 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
