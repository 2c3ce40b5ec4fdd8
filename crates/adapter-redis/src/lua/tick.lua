-- What the two ticks have in common.

-- Records a tick: a sign of service.
local function serve()
  call('HSET', QUEUE, 'serving_since', serving_since, 'last_tick', now)
end

-- The earliest instant at which anybody's place may end, however service went.
local function earliest_end()
  local function first(key, life)
    local score = call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
    return score and score + life or math.huge
  end
  local earliest = math.min(first(HEARD, terms.waiting_ttl), first(UNCLAIMED, terms.claim_ttl), first(ACTIVE, 0))
  -- The last whole number that is kept exactly stands for never.
  return math.min(earliest, 2 ^ 53)
end

-- What a tick did, and how the queue stands: after its view how many it did, whether there is more, how
-- many wait, are active, have departed, were admitted; the policy's throughput; start, length and count of the
-- admission window; whether nobody is there, and the number that
-- the queue is listed under as busy: odd while it is, one more when it is not any more.
local function report(done, more)
  call('HSET', QUEUE, 'ends_from', earliest_end())
  local idle = call('ZCARD', WAITING) + call('ZCARD', ACTIVE) + call('ZCARD', UNCLAIMED) == 0
    and not takes_people_back()
  if idle and listing % 2 == 1 then
    listing = call('HINCRBY', QUEUE, 'listing', 1)
  end
  local waiting, active = counts()
  local told = answer('ticked')
  told[7], told[8] = done, more and 1 or 0
  told[9], told[10], told[11] = waiting, active, tonumber(call('HGET', QUEUE, 'departed')) or 0
  told[12] = tonumber(call('HGET', QUEUE, 'admitted')) or 0
  told[13], told[14] = terms.admit or false, terms.interval or false
  local window = terms.admit and call('HMGET', QUEUE, 'window_start', 'window_interval', 'window_admitted') or {}
  told[15], told[16] = tonumber(window[1]) or false, tonumber(window[2]) or false
  told[17] = tonumber(window[3]) or 0
  told[18], told[19] = idle and 1 or 0, listing
  return told
end
