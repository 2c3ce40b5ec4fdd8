SET @change = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'reservations' AND column_name = 'counted_at') = 1,
    'ALTER TABLE reservations DROP KEY reservations_uncounted, DROP COLUMN counted_at',
    'DO 0'
);
PREPARE frontrow_change FROM @change;
EXECUTE frontrow_change;
DEALLOCATE PREPARE frontrow_change;
