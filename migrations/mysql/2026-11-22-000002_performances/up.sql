CREATE TABLE IF NOT EXISTS performances (
    id BINARY(16) NOT NULL PRIMARY KEY,
    concert_id BINARY(16) NOT NULL,
    starts_at DATETIME(6) NOT NULL,
    venue VARCHAR(200) NOT NULL,
    seats_total BIGINT NOT NULL,
    -- What a reservation refers to, so that its concert is its performance's.
    UNIQUE KEY performances_with_concert (id, concert_id),
    KEY performances_of_concert (concert_id, starts_at),
    KEY performances_to_come (starts_at),
    CONSTRAINT performances_concert FOREIGN KEY (concert_id) REFERENCES concerts (id),
    CONSTRAINT performances_venue CHECK (CHAR_LENGTH(venue) > 0),
    CONSTRAINT performances_seats_total CHECK (seats_total > 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
