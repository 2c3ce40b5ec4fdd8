DROP TABLE IF EXISTS queue_exits;
