-- Who has a place in a queue: one row a user, whatever becomes of the place, so nobody can have two of them, or be between
-- two of them. No foreign keys: a check for one would make each join lock the row that it refers to.
CREATE TABLE IF NOT EXISTS queue_places (
    concert_id BINARY(16) NOT NULL,
    user_id VARCHAR(64) NOT NULL,
    arrival BIGINT NOT NULL,
    -- The number in the line; null for who came back after a loss, and for who was active at once.
    seq BIGINT,
    -- 0 waits, having come back after a loss; 1 waits; 2 was admitted; 3 has claimed the place; 4 has left the line and
    -- 5 an active place, which no tick has counted yet; 6 is over, and remembered while people may come back.
    phase TINYINT NOT NULL,
    -- What its end is reckoned from, as it is for the phase: the last sign of life, the admission, the end itself.
    since_us BIGINT NOT NULL,
    admitted_at_us BIGINT,
    claimed_at_us BIGINT,
    PRIMARY KEY (concert_id, user_id),
    -- The line.
    KEY queue_places_line (concert_id, phase, arrival),
    -- Who is past their end.
    KEY queue_places_ends (concert_id, phase, since_us),
    CONSTRAINT queue_places_phase CHECK (phase BETWEEN 0 AND 6),
    CONSTRAINT queue_places_line_number CHECK (phase <> 1 OR (seq IS NOT NULL AND seq > 0)),
    CONSTRAINT queue_places_admitted CHECK (phase NOT IN (2, 3) OR admitted_at_us IS NOT NULL),
    CONSTRAINT queue_places_claimed CHECK (phase <> 3 OR claimed_at_us IS NOT NULL)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
