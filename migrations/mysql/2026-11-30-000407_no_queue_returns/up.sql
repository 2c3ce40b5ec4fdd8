-- Users who re-entered need no number and no tree of counts any more.
DROP TABLE IF EXISTS queue_returns;
