-- Payments confirm what was held, and are counted. So is now what comes in confirmed, as from another system.
CREATE TRIGGER added_reservations_are_counted AFTER INSERT ON reservations
WHEN new.confirmed_at IS NOT NULL
BEGIN
    INSERT INTO concert_sales (grain, starts_at, concert_id, seats) VALUES
        (1, new.confirmed_at / 60000000 * 60000000, new.concert_id, new.seat_count),
        (2, new.confirmed_at / 3600000000 * 3600000000, new.concert_id, new.seat_count),
        (3, new.confirmed_at / 86400000000 * 86400000000, new.concert_id, new.seat_count)
    ON CONFLICT (grain, starts_at, concert_id) DO UPDATE SET seats = seats + excluded.seats;
END;
