SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'seats' AND column_name = 'held_performance_id'),
    'ALTER TABLE seats
         DROP KEY seats_held,
         DROP COLUMN held_performance_id,
         ADD KEY seats_held (performance_id, held_until)',
    'DO 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
