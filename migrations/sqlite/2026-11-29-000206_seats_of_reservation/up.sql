-- Where a reservation is deleted, SQLite looks for seats that refer to it: without an index at every seat there is.
CREATE INDEX seats_of_reservation ON seats (reservation_id) WHERE reservation_id IS NOT NULL;
