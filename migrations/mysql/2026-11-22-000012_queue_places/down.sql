DROP TABLE IF EXISTS queue_places;
