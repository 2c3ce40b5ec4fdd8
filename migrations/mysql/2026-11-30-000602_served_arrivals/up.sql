-- Which users the queues have served: as of an instant of the queue's store, every user who arrived up to `arrival` was
-- admitted or had gone. One row for each slot of 10 s in which that was recorded. A queue that its store has lost gets back
-- all users but those who were served long before. Instants are whole microseconds since 1970, as in the tables of the queue.
CREATE TABLE IF NOT EXISTS served_arrivals (
    concert_id BINARY(16) NOT NULL,
    -- The number of the slot since 1970.
    slot BIGINT NOT NULL,
    -- The instant and the arrival, both by the clock of the queue's store.
    at_us BIGINT NOT NULL,
    arrival BIGINT NOT NULL,
    -- Since when the queue had been served without a break.
    serving_since_us BIGINT NOT NULL,
    -- How long an active place could last then.
    life_us BIGINT NOT NULL,
    PRIMARY KEY (concert_id, slot),
    -- The longest life of a series.
    KEY served_arrivals_life (concert_id, life_us),
    CONSTRAINT served_arrivals_of FOREIGN KEY (concert_id) REFERENCES concerts (id) ON DELETE CASCADE,
    CONSTRAINT served_arrivals_lives CHECK (life_us > 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
