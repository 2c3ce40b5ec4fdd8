SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'reservations' AND column_name = 'place_arrival'),
    'ALTER TABLE reservations DROP COLUMN place_generation, DROP COLUMN place_arrival',
    'DO 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
