-- Says whose file this is, so that another program's database is not taken for an empty one ("FRNT").
PRAGMA application_id = 1179799124;

CREATE TABLE concerts (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- The master copy of the queue's policy; what may be left out of a policy may be null.
    policy_version INTEGER NOT NULL,
    policy_state TEXT NOT NULL CHECK (policy_state IN ('open', 'paused', 'bypass', 'closed')),
    opens_at INTEGER,
    throughput_admit INTEGER CHECK (throughput_admit > 0),
    throughput_interval_us INTEGER CHECK (throughput_interval_us > 0),
    capacity_max_active INTEGER CHECK (capacity_max_active > 0),
    waiting_ttl_us INTEGER NOT NULL CHECK (waiting_ttl_us > 0),
    claim_ttl_us INTEGER NOT NULL CHECK (claim_ttl_us > 0),
    active_ttl_us INTEGER NOT NULL CHECK (active_ttl_us > 0),
    max_waiting INTEGER CHECK (max_waiting >= 0),
    -- 1 once the queue was given to its store: a store without it has lost it.
    seeded INTEGER NOT NULL DEFAULT 0 CHECK (seeded IN (0, 1)),
    CHECK ((throughput_admit IS NULL) = (throughput_interval_us IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE performances (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    concert_id BLOB NOT NULL REFERENCES concerts (id),
    starts_at INTEGER NOT NULL,
    venue TEXT NOT NULL CHECK (length(venue) BETWEEN 1 AND 200),
    seats_total INTEGER NOT NULL CHECK (seats_total > 0),
    -- Counted up by each payment, so that nobody has to count the seats.
    seats_sold INTEGER NOT NULL DEFAULT 0 CHECK (seats_sold BETWEEN 0 AND seats_total),
    -- What a reservation refers to, so that its concert is its performance's.
    UNIQUE (id, concert_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX performances_of_concert ON performances (concert_id, starts_at);
CREATE INDEX performances_to_come ON performances (starts_at);
