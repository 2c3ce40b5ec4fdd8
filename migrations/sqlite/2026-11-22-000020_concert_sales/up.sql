-- How many seats of a concert were confirmed in a minute, an hour or a day of UTC: what the rankings are made of.
CREATE TABLE concert_sales (
    -- 1: a minute, 2: an hour, 3: a day.
    grain INTEGER NOT NULL CHECK (grain BETWEEN 1 AND 3),
    starts_at INTEGER NOT NULL,
    concert_id BLOB NOT NULL,
    seats INTEGER NOT NULL CHECK (seats > 0),
    -- In the order in which rankings read them.
    PRIMARY KEY (grain, starts_at, concert_id)
) STRICT, WITHOUT ROWID;

INSERT INTO concert_sales (grain, starts_at, concert_id, seats)
SELECT grains.grain, r.confirmed_at / grains.lasts * grains.lasts, r.concert_id, sum(r.seat_count)
FROM reservations r
JOIN (SELECT 1 AS grain, 60000000 AS lasts UNION ALL SELECT 2, 3600000000 UNION ALL SELECT 3, 86400000000) grains
WHERE r.confirmed_at IS NOT NULL
GROUP BY 1, 2, 3;

-- A file has one writer, so nobody waits here for anybody. A trigger, so that nothing is confirmed without being counted.
CREATE TRIGGER reservations_are_counted AFTER UPDATE OF confirmed_at ON reservations
WHEN old.confirmed_at IS NULL AND new.confirmed_at IS NOT NULL
BEGIN
    INSERT INTO concert_sales (grain, starts_at, concert_id, seats) VALUES
        (1, new.confirmed_at / 60000000 * 60000000, new.concert_id, new.seat_count),
        (2, new.confirmed_at / 3600000000 * 3600000000, new.concert_id, new.seat_count),
        (3, new.confirmed_at / 86400000000 * 86400000000, new.concert_id, new.seat_count)
    ON CONFLICT (grain, starts_at, concert_id) DO UPDATE SET seats = seats + excluded.seats;
END;
