-- A page of a user's reservations, the newest first, for one who has thousands.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.statistics
            WHERE table_schema = DATABASE() AND table_name = 'reservations' AND index_name = 'reservations_of_user'),
    'DO 0',
    'ALTER TABLE reservations ADD KEY reservations_of_user (user_id, id)');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
