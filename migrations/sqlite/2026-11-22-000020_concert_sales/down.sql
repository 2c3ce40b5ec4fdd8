DROP TRIGGER reservations_are_counted;
DROP TABLE concert_sales;
