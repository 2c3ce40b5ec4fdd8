CREATE TABLE reservations (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id TEXT NOT NULL,
    concert_id BLOB NOT NULL,
    performance_id BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'confirmed', 'cancelled', 'expired')),
    held_until INTEGER,
    confirmed_at INTEGER,
    total INTEGER NOT NULL CHECK (total BETWEEN 0 AND 9007199254740991),
    seat_count INTEGER NOT NULL CHECK (seat_count BETWEEN 1 AND 4),
    FOREIGN KEY (performance_id, concert_id) REFERENCES performances (id, concert_id),
    CHECK ((state = 'held') = (held_until IS NOT NULL)),
    CHECK ((state = 'confirmed') = (confirmed_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- One hold a user and concert. A hold that is over and not yet swept counts too, so a new one expires it first.
CREATE UNIQUE INDEX reservations_one_hold ON reservations (user_id, concert_id) WHERE held_until IS NOT NULL;
-- For the sweep.
CREATE INDEX reservations_due ON reservations (held_until) WHERE held_until IS NOT NULL;
CREATE INDEX reservations_of_user ON reservations (user_id, id);
CREATE INDEX reservations_of_concert ON reservations (concert_id, id);
-- For the rankings, which read nothing else.
CREATE INDEX reservations_confirmed ON reservations (confirmed_at, concert_id, seat_count)
WHERE confirmed_at IS NOT NULL;

CREATE TRIGGER reservations_end_once BEFORE UPDATE OF state ON reservations
WHEN old.state <> 'held' AND new.state <> old.state
BEGIN
    SELECT raise(ABORT, 'a reservation that is not held never changes');
END;

CREATE TABLE seats (
    performance_id BLOB NOT NULL REFERENCES performances (id),
    label TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 16),
    -- Where the seat is in its plan.
    ordinal INTEGER NOT NULL,
    section TEXT NOT NULL,
    price INTEGER NOT NULL CHECK (price BETWEEN 0 AND 9007199254740991),
    -- Whose it is, if anybody's; with an end it is held, without one it is sold.
    reservation_id BLOB REFERENCES reservations (id),
    held_until INTEGER,
    user_id TEXT,
    -- Which of the user's four seats in this performance it is.
    user_slot INTEGER CHECK (user_slot BETWEEN 1 AND 4),
    PRIMARY KEY (performance_id, label),
    CHECK ((reservation_id IS NULL) = (user_id IS NULL)),
    CHECK ((reservation_id IS NULL) = (user_slot IS NULL)),
    CHECK (held_until IS NULL OR reservation_id IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- At most four seats a user and performance.
CREATE UNIQUE INDEX seats_of_user ON seats (performance_id, user_id, user_slot) WHERE user_id IS NOT NULL;
-- Held seats, to be counted.
CREATE INDEX seats_held ON seats (performance_id, held_until) WHERE held_until IS NOT NULL;

CREATE TABLE reservation_seats (
    reservation_id BLOB NOT NULL REFERENCES reservations (id),
    -- A seat of the reservation's performance. No foreign key: a new plan may drop the seat once nobody has it, and
    -- what was reserved before is still told.
    label TEXT NOT NULL,
    -- At which it was held; the seat's own price may change.
    price INTEGER NOT NULL CHECK (price BETWEEN 0 AND 9007199254740991),
    PRIMARY KEY (reservation_id, label)
) STRICT, WITHOUT ROWID;
