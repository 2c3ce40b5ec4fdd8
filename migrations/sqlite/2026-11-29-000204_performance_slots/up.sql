-- 1 for the performance that counts as the one of its concert at its start and venue. Null for duplicates from before
-- this rule, which stay as they are.
ALTER TABLE performances ADD COLUMN occupies_slot INTEGER CHECK (occupies_slot = 1);

UPDATE performances SET occupies_slot = 1
WHERE NOT EXISTS (
    SELECT 1 FROM performances earlier
    WHERE earlier.concert_id = performances.concert_id AND earlier.starts_at = performances.starts_at
        AND earlier.venue = performances.venue AND earlier.id < performances.id
);

CREATE UNIQUE INDEX performances_one_a_slot ON performances (concert_id, starts_at, venue)
WHERE occupies_slot IS NOT NULL;
