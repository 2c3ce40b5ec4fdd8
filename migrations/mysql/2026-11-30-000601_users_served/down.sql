SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'queues' AND column_name = 'at_once_up_to'),
    'ALTER TABLE queues DROP COLUMN at_once_up_to, DROP COLUMN served_up_to',
    'DO 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
