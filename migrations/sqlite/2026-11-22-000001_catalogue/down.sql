DROP TABLE performances;
DROP TABLE concerts;
PRAGMA application_id = 0;
