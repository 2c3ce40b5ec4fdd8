DROP TABLE IF EXISTS served_arrivals;
