CREATE TABLE IF NOT EXISTS concerts (
    id BINARY(16) NOT NULL PRIMARY KEY,
    title VARCHAR(200) NOT NULL,
    -- The master copy of the queue's policy; what may be left out of a policy may be null.
    policy_version BIGINT NOT NULL,
    policy_state VARCHAR(6) NOT NULL,
    opens_at DATETIME(6),
    throughput_admit BIGINT,
    throughput_interval_us BIGINT,
    capacity_max_active BIGINT,
    waiting_ttl_us BIGINT NOT NULL,
    claim_ttl_us BIGINT NOT NULL,
    active_ttl_us BIGINT NOT NULL,
    max_waiting BIGINT,
    -- True once the queue was given to its store: a store without it has lost it.
    seeded BOOLEAN NOT NULL DEFAULT FALSE,
    CONSTRAINT concerts_title CHECK (CHAR_LENGTH(title) > 0),
    CONSTRAINT concerts_policy_state CHECK (policy_state IN ('open', 'paused', 'bypass', 'closed')),
    CONSTRAINT concerts_throughput CHECK (throughput_admit > 0 AND throughput_interval_us > 0),
    CONSTRAINT concerts_throughput_whole CHECK ((throughput_admit IS NULL) = (throughput_interval_us IS NULL)),
    CONSTRAINT concerts_capacity CHECK (capacity_max_active > 0),
    CONSTRAINT concerts_lives CHECK (waiting_ttl_us > 0 AND claim_ttl_us > 0 AND active_ttl_us > 0),
    CONSTRAINT concerts_max_waiting CHECK (max_waiting >= 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
