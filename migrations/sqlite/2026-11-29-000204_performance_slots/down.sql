DROP INDEX performances_one_a_slot;
ALTER TABLE performances DROP COLUMN occupies_slot;
