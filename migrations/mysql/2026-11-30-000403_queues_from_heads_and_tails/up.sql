-- The queues that the version before kept in two rows and more. Everybody keeps their place. Numbers up to the last that
-- was passed are over, so what counts from them is as it was.
INSERT INTO queues
    (concert_id, format, generation, policy_version, policy_state, opens_at_us, throughput_admit, throughput_interval_us,
     capacity_max_active, waiting_ttl_us, claim_ttl_us, active_ttl_us, max_waiting, sold_out, recovering_until_us,
     reentry_until_us, serving_since_us, last_tick_us, window_start_us, window_interval_us, window_admitted, last_seq,
     last_arrival, line_since, passed_seq, passed_arrival, waiting, reentered, active, remembered, departed, admitted,
     admitted_up_to, departures, busy)
SELECT h.concert_id, 2, h.generation, h.policy_version, h.policy_state, h.opens_at_us, h.throughput_admit,
       h.throughput_interval_us, h.capacity_max_active, h.waiting_ttl_us, h.claim_ttl_us, h.active_ttl_us, h.max_waiting,
       h.sold_out, h.recovering_until_us, h.back_until_us, h.serving_since_us, h.last_tick_us, h.window_start_us,
       h.window_interval_us, h.window_admitted, t.last_seq, t.last_arrival,
       (SELECT MIN(f.arrival) FROM queue_places f WHERE f.concert_id = h.concert_id AND f.phase = 1),
       LEAST(h.passed_seq, t.last_seq), h.passed_arrival,
       COALESCE(p.waiting, 0), COALESCE(p.reentered, 0), COALESCE(p.active, 0), COALESCE(p.remembered, 0),
       GREATEST(h.admitted, t.last_seq + t.came_back - COALESCE(p.waiting, 0)), h.admitted, h.admitted_up_to,
       COALESCE(e.left_line, 0), COALESCE(p.waiting + p.active + p.remembered, 0) > 0
FROM queue_heads h
JOIN queue_tails t ON t.concert_id = h.concert_id
LEFT JOIN queue_exits e ON e.concert_id = h.concert_id
LEFT JOIN (
    SELECT concert_id, SUM(phase IN (0, 1)) AS waiting, SUM(phase = 0) AS reentered, SUM(phase IN (2, 3)) AS active,
           SUM(phase = 6) AS remembered
    FROM queue_places GROUP BY concert_id
) p ON p.concert_id = h.concert_id
ON DUPLICATE KEY UPDATE concert_id = queues.concert_id;
