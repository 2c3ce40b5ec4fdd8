SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'queues' AND column_name = 'aside'),
    'ALTER TABLE queues DROP CONSTRAINT queues_aside, DROP COLUMN aside, DROP COLUMN passed_ends_us, DROP COLUMN absent_after_us',
    'DO 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
