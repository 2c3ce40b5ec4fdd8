-- When a confirmed reservation was added to the counters behind the rankings; null before that. Payments do not know of
-- it, so nothing can be confirmed without being counted, also by an instance of the version before. What was sold before
-- this column came is counted as anything else.
--
-- No CHECK that only confirmed ones are counted: it would copy the table, and nobody could pay meanwhile.
SET @change = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'reservations' AND column_name = 'counted_at') = 0,
    'ALTER TABLE reservations
        ADD COLUMN counted_at DATETIME(6),
        -- What is to be counted, the earliest first; with all that a ranking reads of it.
        ADD KEY reservations_uncounted (counted_at, confirmed_at, concert_id, seat_count)',
    'DO 0'
);
PREPARE frontrow_change FROM @change;
EXECUTE frontrow_change;
DEALLOCATE PREPARE frontrow_change;
