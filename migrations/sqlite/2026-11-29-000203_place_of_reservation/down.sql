ALTER TABLE reservations DROP COLUMN place_generation;
ALTER TABLE reservations DROP COLUMN place_arrival;
