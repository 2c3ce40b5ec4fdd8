SET @change = IF(
    EXISTS (SELECT * FROM information_schema.statistics
            WHERE table_schema = DATABASE() AND table_name = 'performances' AND index_name = 'performances_of_concert'),
    'DO 0',
    'ALTER TABLE performances ADD KEY performances_of_concert (concert_id, starts_at)');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
