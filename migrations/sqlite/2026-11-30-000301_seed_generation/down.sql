ALTER TABLE concerts DROP COLUMN seed_generation;
