-- How many of those who came back after a loss wait, by arrival: at level L a row counts those whose arrival divided by
-- 2^(8 L) is its node. How many came before an instant is then the sum of a bounded number of rows, however many came back.
-- Changed under the lock of the queue's head.
CREATE TABLE IF NOT EXISTS queue_returns (
    concert_id BINARY(16) NOT NULL,
    level TINYINT NOT NULL,
    node BIGINT NOT NULL,
    people BIGINT NOT NULL,
    PRIMARY KEY (concert_id, level, node),
    CONSTRAINT queue_returns_people CHECK (people >= 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
