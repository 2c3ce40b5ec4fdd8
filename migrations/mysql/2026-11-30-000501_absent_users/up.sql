-- After how long without a heartbeat a waiting user is absent, in microseconds; the usual time where null.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'concerts' AND column_name = 'absent_after_us'),
    'DO 0',
    'ALTER TABLE concerts ADD COLUMN absent_after_us BIGINT');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
