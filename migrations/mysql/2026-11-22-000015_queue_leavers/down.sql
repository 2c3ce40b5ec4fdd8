DROP TABLE IF EXISTS queue_leavers;
