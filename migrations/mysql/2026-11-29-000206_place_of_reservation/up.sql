-- The place in the queue that made the reservation: its payment ends that place and no other. Null for reservations from
-- before.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'reservations' AND column_name = 'place_arrival'),
    'DO 0',
    'ALTER TABLE reservations
         ADD COLUMN place_arrival BIGINT,
         -- A random number of 64 bits, as a signed one.
         ADD COLUMN place_generation BIGINT');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
