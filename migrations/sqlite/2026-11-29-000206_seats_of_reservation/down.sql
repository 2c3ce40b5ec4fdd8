DROP INDEX seats_of_reservation;
