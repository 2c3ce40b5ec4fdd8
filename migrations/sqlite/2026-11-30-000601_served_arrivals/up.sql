-- Which users the queues have served: as of an instant of the queue's store, every user who arrived up to `arrival` was
-- admitted or had gone. One row for each slot of 10 s in which that was recorded. A queue that its store has lost gets back
-- all users but those who were served long before.
CREATE TABLE served_arrivals (
    concert_id BLOB NOT NULL REFERENCES concerts (id) ON DELETE CASCADE,
    -- The number of the slot since 1970.
    slot INTEGER NOT NULL,
    -- The instant and the arrival, both by the clock of the queue's store.
    at_us INTEGER NOT NULL,
    arrival INTEGER NOT NULL,
    -- Since when the queue had been served without a break.
    serving_since_us INTEGER NOT NULL,
    -- How long an active place could last then.
    life_us INTEGER NOT NULL CHECK (life_us > 0),
    PRIMARY KEY (concert_id, slot)
) STRICT, WITHOUT ROWID;

-- The longest life of a series.
CREATE INDEX served_arrivals_life ON served_arrivals (concert_id, life_us);
