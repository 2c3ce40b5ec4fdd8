-- A queue: its terms, its counters, and how far its line has moved. One row a queue, locked by every transaction that
-- changes more than one place: joins, departures and heartbeats that share a transaction, ticks, and changes of the terms.
-- Instants are whole microseconds since 1970, as in all tables of the queue.
CREATE TABLE IF NOT EXISTS queues (
    concert_id BINARY(16) NOT NULL PRIMARY KEY,
    -- The layout in which the queue is kept. A program of another format refuses to touch it.
    format TINYINT NOT NULL,
    -- A random number of 64 bits, as a signed one.
    generation BIGINT NOT NULL,
    -- The policy in force; what may be left out of a policy may be null.
    policy_version BIGINT NOT NULL,
    policy_state VARCHAR(6) NOT NULL,
    opens_at_us BIGINT,
    throughput_admit BIGINT,
    throughput_interval_us BIGINT,
    capacity_max_active BIGINT,
    waiting_ttl_us BIGINT NOT NULL,
    claim_ttl_us BIGINT NOT NULL,
    active_ttl_us BIGINT NOT NULL,
    max_waiting BIGINT,
    -- Whether every seat was sold, and when that was counted; null before the first count.
    sold_out BOOLEAN NOT NULL DEFAULT FALSE,
    sold_out_counted_at_us BIGINT,
    -- After a loss: until when nobody is admitted, and until when users re-enter. Null once that is over.
    recovering_until_us BIGINT,
    reentry_until_us BIGINT,
    serving_since_us BIGINT NOT NULL,
    last_tick_us BIGINT NOT NULL,
    -- The admission window; null until the first attempt to admit a user.
    window_start_us BIGINT,
    window_interval_us BIGINT,
    window_admitted BIGINT NOT NULL DEFAULT 0,
    -- The number of the last user who joined the line. Numbers have no gaps.
    last_seq BIGINT NOT NULL DEFAULT 0,
    -- The latest arrival that was given out or, after a loss, re-entered; null before the first.
    last_arrival BIGINT,
    -- The arrival of the first numbered place; null before it.
    line_since BIGINT,
    -- The number and the arrival up to which admission has passed the line. A numbered place up to there that still waits
    -- was past its end when it was passed, and stays so.
    passed_seq BIGINT NOT NULL DEFAULT 0,
    passed_arrival BIGINT NOT NULL DEFAULT 0,
    -- How many rows of queue_places there are: waiting (phases 0 and 1), of these without a number (0), active (2 and 3),
    -- and remembered (6).
    waiting BIGINT NOT NULL DEFAULT 0,
    reentered BIGINT NOT NULL DEFAULT 0,
    active BIGINT NOT NULL DEFAULT 0,
    remembered BIGINT NOT NULL DEFAULT 0,
    -- How many users stopped waiting, and how many of them were admitted.
    departed BIGINT NOT NULL DEFAULT 0,
    admitted BIGINT NOT NULL DEFAULT 0,
    -- The latest arrival of a user who was admitted from the line; null before the first.
    admitted_up_to BIGINT,
    -- How many users left the line: the number of the last row of queue_leavers.
    departures BIGINT NOT NULL DEFAULT 0,
    -- True where there is any row of queue_places.
    busy BOOLEAN NOT NULL DEFAULT FALSE,
    KEY queues_busy (busy),
    CONSTRAINT queues_policy_state CHECK (policy_state IN ('open', 'paused', 'bypass', 'closed')),
    CONSTRAINT queues_throughput CHECK (throughput_admit > 0 AND throughput_interval_us > 0),
    CONSTRAINT queues_throughput_whole CHECK ((throughput_admit IS NULL) = (throughput_interval_us IS NULL)),
    CONSTRAINT queues_capacity CHECK (capacity_max_active > 0),
    CONSTRAINT queues_lifetimes CHECK (waiting_ttl_us > 0 AND claim_ttl_us > 0 AND active_ttl_us > 0),
    CONSTRAINT queues_max_waiting CHECK (max_waiting >= 0),
    CONSTRAINT queues_recovery CHECK ((recovering_until_us IS NULL) = (reentry_until_us IS NULL)),
    CONSTRAINT queues_window CHECK ((window_start_us IS NULL) = (window_interval_us IS NULL)),
    CONSTRAINT queues_counts CHECK (
        window_admitted >= 0 AND last_seq >= passed_seq AND passed_seq >= 0
        AND waiting >= reentered AND reentered >= 0 AND active >= 0 AND remembered >= 0
        AND departed >= admitted AND admitted >= 0 AND departures >= 0
    ),
    CONSTRAINT queues_is_busy CHECK (busy = (waiting + active + remembered > 0))
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
