-- The order of a user's entries, from 1 and without gaps, in which each balance follows from the one before.
-- Null for entries from before, whose order nobody noted.
ALTER TABLE ledger ADD COLUMN seq INTEGER CHECK (seq > 0);
CREATE UNIQUE INDEX ledger_in_order ON ledger (user_id, seq) WHERE seq IS NOT NULL;

-- The number of the last entry.
ALTER TABLE balances ADD COLUMN last_seq INTEGER NOT NULL DEFAULT 0 CHECK (last_seq >= 0);
