-- As it was, without rows.
CREATE TABLE IF NOT EXISTS queue_tails (
    concert_id BINARY(16) NOT NULL PRIMARY KEY,
    -- The number of the last who joined the line. It has no gaps.
    last_seq BIGINT NOT NULL DEFAULT 0,
    -- The latest arrival that was given out or, after a loss, taken back; null before the first.
    last_arrival BIGINT,
    -- How many were taken back into the line after a loss.
    came_back BIGINT NOT NULL DEFAULT 0,
    -- How many ended places of the line, and active ones, new places of their users have replaced.
    removed_waiting BIGINT NOT NULL DEFAULT 0,
    removed_active BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT queue_tails_counts CHECK (
        last_seq >= 0 AND came_back >= 0 AND removed_waiting >= 0 AND removed_active >= 0
    )
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
