-- The third format: places that admission has passed count as aside until they are removed. Until now those were past their
-- end, and stay so.
UPDATE queues q
SET q.aside = (SELECT COUNT(*) FROM queue_places p
               WHERE p.concert_id = q.concert_id AND p.phase = 1 AND p.arrival <= q.passed_arrival),
    q.passed_ends_us = (SELECT MAX(p.since_us) FROM queue_places p
                        WHERE p.concert_id = q.concert_id AND p.phase = 1 AND p.arrival <= q.passed_arrival),
    q.format = 3
WHERE q.format = 2;
