DROP TABLE IF EXISTS queue_returns;
