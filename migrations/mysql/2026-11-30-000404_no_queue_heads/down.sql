-- As it was, without rows.
CREATE TABLE IF NOT EXISTS queue_heads (
    concert_id BINARY(16) NOT NULL PRIMARY KEY,
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
    sold_out BOOLEAN NOT NULL DEFAULT FALSE,
    -- After a loss: until when nobody is admitted, and until when places are given back. Null once that is over.
    recovering_until_us BIGINT,
    back_until_us BIGINT,
    serving_since_us BIGINT NOT NULL,
    last_tick_us BIGINT NOT NULL,
    -- The admission window; null until the first attempt to admit somebody.
    window_start_us BIGINT,
    window_interval_us BIGINT,
    window_admitted BIGINT NOT NULL DEFAULT 0,
    -- The number and the arrival of the last in the line whom admission has passed: a position is counted from here.
    passed_seq BIGINT NOT NULL DEFAULT 0,
    passed_arrival BIGINT NOT NULL DEFAULT 0,
    -- How many were moved from the line to the active, and how many were active at once.
    admitted BIGINT NOT NULL DEFAULT 0,
    admitted_at_once BIGINT NOT NULL DEFAULT 0,
    -- The latest arrival of those who were moved; null before the first.
    admitted_up_to BIGINT,
    -- How many of the line, and of the active, ticks have removed.
    removed_waiting BIGINT NOT NULL DEFAULT 0,
    removed_active BIGINT NOT NULL DEFAULT 0,
    -- How many in the line came back after a loss: the sum of queue_returns.
    back_in_line BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT queue_heads_policy_state CHECK (policy_state IN ('open', 'paused', 'bypass', 'closed')),
    CONSTRAINT queue_heads_throughput CHECK (throughput_admit > 0 AND throughput_interval_us > 0),
    CONSTRAINT queue_heads_throughput_whole CHECK ((throughput_admit IS NULL) = (throughput_interval_us IS NULL)),
    CONSTRAINT queue_heads_capacity CHECK (capacity_max_active > 0),
    CONSTRAINT queue_heads_lives CHECK (waiting_ttl_us > 0 AND claim_ttl_us > 0 AND active_ttl_us > 0),
    CONSTRAINT queue_heads_max_waiting CHECK (max_waiting >= 0),
    CONSTRAINT queue_heads_recovery CHECK ((recovering_until_us IS NULL) = (back_until_us IS NULL)),
    CONSTRAINT queue_heads_window CHECK ((window_start_us IS NULL) = (window_interval_us IS NULL)),
    CONSTRAINT queue_heads_counts CHECK (
        window_admitted >= 0 AND admitted >= 0 AND admitted_at_once >= 0
        AND removed_waiting >= 0 AND removed_active >= 0 AND back_in_line >= 0
    )
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
