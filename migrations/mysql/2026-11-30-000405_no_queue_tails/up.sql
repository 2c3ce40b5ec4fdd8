-- Its rows are in queues.
DROP TABLE IF EXISTS queue_tails;
