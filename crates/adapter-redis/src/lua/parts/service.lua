-- The record of when the queue was served. Mirrors model/queue/terms.rs (QueueTerms::tick,
-- QueueTerms::first_place, QueueTerms::tick_is_due).

-- Returns true if a tick has to record its instant even if it changes nothing else: the recorded
-- one is more than 1 s old, or the clock has stepped back.
local function tick_is_due()
  return now > last_tick + 1000000 or now < last_tick or recorded_since > now
end

-- Records that the queue is served now.
local function record_service()
  recorded_since, last_tick = serving_since, now
  call('HSET', QUEUE, 'serving_since', serving_since, 'last_tick', now)
end

-- Returns the number of places, including expired ones that were not removed.
local function count_entries()
  return call('ZCARD', WAITING) + call('ZCARD', ACTIVE) + call('ZCARD', UNCLAIMED)
end

-- Records the start of service with the first place in a queue, because ticks of a queue without
-- places record nothing.
local function serve_first_place()
  if tick_is_due() and count_entries() == 0 then
    record_service()
  end
end
