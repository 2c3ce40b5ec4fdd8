SET @change = IF(
    EXISTS (SELECT * FROM information_schema.statistics
            WHERE table_schema = DATABASE() AND table_name = 'reservations' AND index_name = 'reservations_of_user'),
    'ALTER TABLE reservations DROP KEY reservations_of_user',
    'DO 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
