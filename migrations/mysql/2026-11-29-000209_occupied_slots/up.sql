-- Of performances with the same concert, start and venue the first made has the slot. In one statement, since there are
-- few performances.
UPDATE performances p
LEFT JOIN performances earlier
    ON earlier.concert_id = p.concert_id AND earlier.starts_at = p.starts_at AND earlier.venue = p.venue
        AND earlier.id < p.id
SET p.occupies_slot = TRUE
WHERE earlier.id IS NULL AND p.occupies_slot IS NULL;
