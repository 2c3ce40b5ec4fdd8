-- How many seats of a performance are sold: the sum of its rows. Each payment counts up one of at most sixteen rows, as
-- its reservation's id says: payments at the same moment would wait for each other's commit at a single one.
CREATE TABLE IF NOT EXISTS performance_sales (
    performance_id BINARY(16) NOT NULL,
    shard TINYINT NOT NULL,
    seats_sold BIGINT NOT NULL,
    PRIMARY KEY (performance_id, shard),
    CONSTRAINT performance_sales_performance FOREIGN KEY (performance_id) REFERENCES performances (id),
    CONSTRAINT performance_sales_shard CHECK (shard BETWEEN 0 AND 15),
    CONSTRAINT performance_sales_seats CHECK (seats_sold > 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
