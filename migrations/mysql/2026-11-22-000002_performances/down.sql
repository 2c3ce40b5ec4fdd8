DROP TABLE IF EXISTS performances;
