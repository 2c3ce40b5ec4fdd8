CREATE TABLE IF NOT EXISTS reservations (
    id BINARY(16) NOT NULL PRIMARY KEY,
    user_id VARCHAR(64) NOT NULL,
    concert_id BINARY(16) NOT NULL,
    performance_id BINARY(16) NOT NULL,
    state VARCHAR(9) NOT NULL,
    held_until DATETIME(6),
    confirmed_at DATETIME(6),
    total BIGINT NOT NULL,
    seat_count TINYINT NOT NULL,
    -- Labels, each with the price at which it was held: [["A-1", 100], …], at most four. Here and not in a table of its
    -- own, since they are written once, with the row, and never read without it.
    seats VARCHAR(255) NOT NULL,
    -- The concert while the reservation is held, swept or not; otherwise null, and nulls are never equal.
    held_concert_id BINARY(16) AS (CASE WHEN held_until IS NULL THEN NULL ELSE concert_id END) STORED,
    -- One hold a user and concert. A hold that is over and not yet swept counts too, so a new one expires it first.
    -- A user's few reservations are found by it as well.
    UNIQUE KEY reservations_one_hold (user_id, held_concert_id),
    -- For the sweep.
    KEY reservations_due (held_until),
    KEY reservations_of_concert (concert_id, id),
    KEY reservations_of_performance (performance_id, concert_id),
    -- For the rankings, which read nothing else.
    KEY reservations_confirmed (confirmed_at, concert_id, seat_count),
    CONSTRAINT reservations_performance
        FOREIGN KEY (performance_id, concert_id) REFERENCES performances (id, concert_id),
    CONSTRAINT reservations_state CHECK (state IN ('held', 'confirmed', 'cancelled', 'expired')),
    CONSTRAINT reservations_held CHECK ((state = 'held') = (held_until IS NOT NULL)),
    CONSTRAINT reservations_paid CHECK ((state = 'confirmed') = (confirmed_at IS NOT NULL)),
    CONSTRAINT reservations_total CHECK (total BETWEEN 0 AND 9007199254740991),
    CONSTRAINT reservations_seats CHECK (JSON_VALID(seats) AND JSON_LENGTH(seats) = seat_count),
    CONSTRAINT reservations_seat_count CHECK (seat_count BETWEEN 1 AND 4)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
