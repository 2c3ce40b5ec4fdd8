-- As it was, without rows.
CREATE TABLE IF NOT EXISTS queue_returns (
    concert_id BINARY(16) NOT NULL,
    level TINYINT NOT NULL,
    node BIGINT NOT NULL,
    people BIGINT NOT NULL,
    PRIMARY KEY (concert_id, level, node),
    CONSTRAINT queue_returns_people CHECK (people >= 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
