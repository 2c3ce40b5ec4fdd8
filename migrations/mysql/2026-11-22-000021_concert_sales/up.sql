-- How many seats of a concert were confirmed in a minute, an hour or a day of UTC, as far as reservations were counted.
-- A job writes them and not the payments: all payments of an hour would wait for each other's commit at one row.
CREATE TABLE IF NOT EXISTS concert_sales (
    -- 1: a minute, 2: an hour, 3: a day.
    grain TINYINT NOT NULL,
    starts_at DATETIME NOT NULL,
    concert_id BINARY(16) NOT NULL,
    seats BIGINT NOT NULL,
    -- In the order in which rankings read them, and new ones come at the end of their grain. No foreign key: each was added
    -- up from reservations, which have one.
    PRIMARY KEY (grain, starts_at, concert_id),
    CONSTRAINT concert_sales_grain CHECK (grain BETWEEN 1 AND 3),
    CONSTRAINT concert_sales_seats CHECK (seats > 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
