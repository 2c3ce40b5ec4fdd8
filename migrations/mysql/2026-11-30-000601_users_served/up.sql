-- The latest arrival of a user who was admitted at once; and the arrival up to which users were served before a loss, so
-- that they do not re-enter. Null where there was none, or nothing is known of it.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'queues' AND column_name = 'at_once_up_to'),
    'DO 0',
    'ALTER TABLE queues ADD COLUMN at_once_up_to BIGINT, ADD COLUMN served_up_to BIGINT');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
