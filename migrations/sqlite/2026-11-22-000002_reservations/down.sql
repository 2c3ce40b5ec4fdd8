DROP TABLE reservation_seats;
DROP TABLE seats;
DROP TABLE reservations;
