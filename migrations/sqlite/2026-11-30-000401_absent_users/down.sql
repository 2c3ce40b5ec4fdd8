ALTER TABLE concerts DROP COLUMN absent_after_us;
