-- True for the performance that counts as the one of its concert at its start and venue. Null for duplicates from before
-- this rule, which stay as they are, and for what a program of the version before creates.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'performances' AND column_name = 'occupies_slot'),
    'DO 0',
    'ALTER TABLE performances ADD COLUMN occupies_slot BOOLEAN');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
