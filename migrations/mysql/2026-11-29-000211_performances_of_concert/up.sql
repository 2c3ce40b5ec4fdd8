-- Every statement that used it can use performances_one_a_slot, which begins with the same columns.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.statistics
            WHERE table_schema = DATABASE() AND table_name = 'performances' AND index_name = 'performances_of_concert'),
    'ALTER TABLE performances DROP KEY performances_of_concert',
    'DO 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
