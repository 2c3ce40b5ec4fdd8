-- The place in the queue that made the reservation: its payment ends that place and no other. Null for reservations
-- from before.
ALTER TABLE reservations ADD COLUMN place_arrival INTEGER;
ALTER TABLE reservations ADD COLUMN place_generation INTEGER
    CHECK ((place_generation IS NULL) = (place_arrival IS NULL));
