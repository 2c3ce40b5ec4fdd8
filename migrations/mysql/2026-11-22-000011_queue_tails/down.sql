DROP TABLE IF EXISTS queue_tails;
