-- Which servers have kept a queue, and which arrivals were perhaps lost with their last writes: JSON, null where none.
-- The latest arrival of a user who re-entered and may be behind numbered places.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'queues' AND column_name = 'gaps'),
    'DO 0',
    'ALTER TABLE queues ADD COLUMN servers VARCHAR(2048), ADD COLUMN gaps VARCHAR(2048), ADD COLUMN reentered_up_to BIGINT');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
