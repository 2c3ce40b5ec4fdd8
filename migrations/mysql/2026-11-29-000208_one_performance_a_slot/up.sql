-- Nulls are never equal, so duplicates from before the rule can stay. The key comes before the values, so that it cannot
-- fail.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.statistics
            WHERE table_schema = DATABASE() AND table_name = 'performances'
                AND index_name = 'performances_one_a_slot'),
    'DO 0',
    'ALTER TABLE performances
         ADD UNIQUE KEY performances_one_a_slot (concert_id, starts_at, venue, occupies_slot)');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
