DROP TABLE IF EXISTS queue_heads;
