-- After how long without a heartbeat a waiting user is absent, in microseconds; the usual time without it.
ALTER TABLE concerts ADD COLUMN absent_after_us INTEGER CHECK (absent_after_us > 0);
