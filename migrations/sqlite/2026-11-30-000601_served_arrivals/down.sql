DROP TABLE served_arrivals;
