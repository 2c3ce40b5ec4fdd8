CREATE TABLE IF NOT EXISTS seats (
    performance_id BINARY(16) NOT NULL,
    label VARCHAR(16) NOT NULL,
    -- Where the seat is in its plan.
    ordinal INT NOT NULL,
    section VARCHAR(40) NOT NULL,
    price BIGINT NOT NULL,
    -- Whose it is, if anybody's; with an end it is held, without one it is sold.
    reservation_id BINARY(16),
    held_until DATETIME(6),
    user_id VARCHAR(64),
    -- Which of the user's four seats in this performance it is.
    user_slot TINYINT,
    PRIMARY KEY (performance_id, label),
    -- At most four seats a user and performance.
    UNIQUE KEY seats_of_user (performance_id, user_id, user_slot),
    -- Held seats, to be counted.
    KEY seats_held (performance_id, held_until),
    -- To be freed.
    KEY seats_of_reservation (reservation_id),
    CONSTRAINT seats_performance FOREIGN KEY (performance_id) REFERENCES performances (id),
    CONSTRAINT seats_reservation FOREIGN KEY (reservation_id) REFERENCES reservations (id),
    CONSTRAINT seats_label CHECK (CHAR_LENGTH(label) > 0),
    CONSTRAINT seats_price CHECK (price BETWEEN 0 AND 9007199254740991),
    CONSTRAINT seats_slot CHECK (user_slot BETWEEN 1 AND 4),
    CONSTRAINT seats_taken_by_user CHECK ((reservation_id IS NULL) = (user_id IS NULL)),
    CONSTRAINT seats_taken_in_slot CHECK ((reservation_id IS NULL) = (user_slot IS NULL)),
    CONSTRAINT seats_held_by_reservation CHECK (held_until IS NULL OR reservation_id IS NOT NULL)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
