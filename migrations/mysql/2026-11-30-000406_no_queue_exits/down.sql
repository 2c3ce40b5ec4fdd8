-- As it was, without rows.
CREATE TABLE IF NOT EXISTS queue_exits (
    concert_id BINARY(16) NOT NULL PRIMARY KEY,
    -- How many have left; the number of the last.
    left_line BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT queue_exits_counts CHECK (left_line >= 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
