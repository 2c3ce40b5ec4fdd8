-- Held seats, to be counted: of each performance its held seats alone. Both engines look a joined performance's seats up
-- by what is equal, never by what is later, so that by (performance_id, held_until) they read every seat of it.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'seats' AND column_name = 'held_performance_id'),
    'DO 0',
    'ALTER TABLE seats
         ADD COLUMN held_performance_id BINARY(16)
             AS (CASE WHEN held_until IS NULL THEN NULL ELSE performance_id END) STORED,
         DROP KEY seats_held,
         ADD KEY seats_held (held_performance_id, held_until)');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
