SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'concerts' AND column_name = 'absent_after_us'),
    'ALTER TABLE concerts DROP COLUMN absent_after_us',
    'DO 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
