-- When the queue was served. Mirrors model/queue/terms.rs (QueueTerms::tick, QueueTerms::tick_is_due).

-- True where a tick that changes nothing else has to record its instant all the same.
local function tick_is_due()
  return now > last_tick + 1000000 or now < last_tick or recorded_since > now
end

-- Records that the queue is served.
local function record_service()
  recorded_since, last_tick = serving_since, now
  call('HSET', QUEUE, 'serving_since', serving_since, 'last_tick', now)
end

-- How many places there are, with those past their end that were not removed.
local function count_entries()
  return call('ZCARD', WAITING) + call('ZCARD', ACTIVE) + call('ZCARD', UNCLAIMED)
end

-- Ticks of a queue without places record nothing, so service counts from the first place in it.
local function serve_first_place()
  if tick_is_due() and count_entries() == 0 then
    record_service()
  end
end
