-- Users who stand aside or have returned are next in line again: the format before knows them as users who re-entered.
UPDATE queue_places p JOIN queues q ON q.concert_id = p.concert_id
SET p.phase = 0, p.seq = NULL
WHERE q.format = 3 AND (p.phase = 0 OR (p.phase = 1 AND p.arrival <= q.passed_arrival));
UPDATE queues SET reentered = reentered + aside, aside = 0, format = 2 WHERE format = 3;
