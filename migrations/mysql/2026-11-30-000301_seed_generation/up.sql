-- The generation that is reserved for the queue before its store is given it for the first time: a random number of 64
-- bits, as a signed one. Null where none is reserved, and for queues that a program of the version before has seeded.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'concerts' AND column_name = 'seed_generation'),
    'DO 0',
    'ALTER TABLE concerts ADD COLUMN seed_generation BIGINT');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
