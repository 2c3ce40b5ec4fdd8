-- The common parts of admit.lua and expire.lua: the record of a tick, and its report.
local had_entries = count_entries() > 0
if had_entries then
  end_silence()
end

-- Returns the earliest deadline that any place may have. Outages only make deadlines later.
local function earliest_deadline()
  local function first(key, ttl)
    local score = call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
    return score and score + ttl or math.huge
  end
  local earliest = math.min(first(HEARD, terms.waiting_ttl), first(UNCLAIMED, terms.claim_ttl),
    first(ACTIVE, 0))
  -- 2^53, the last whole number that a double keeps exactly, stands for never.
  return math.min(earliest, 2 ^ 53)
end

-- Updates the earliest deadline once it has passed. Before that it stays valid.
local function update_ends_from()
  local earliest = any_may_be_expired and earliest_deadline() or ends_from
  if earliest ~= ends_from then
    call('HSET', QUEUE, 'ends_from', earliest)
  end
end

-- Drops a re-entry period and gaps that are over, so that they stay over if the clock steps back.
-- Mirrors model/queue/terms.rs (QueueTerms::tick).
local function forget_reentry()
  local any_dropped = forget_gaps()
  if any_dropped then
    save_gaps()
  end
  if terms.comeback_until and now >= terms.comeback_until then
    terms.recovering_until, terms.comeback_until, terms.served_up_to = nil, nil, nil
    call('HSET', QUEUE, 'terms', cmsgpack.pack(terms))
    any_dropped = true
  end
  if any_dropped and not accepts_reentry() then
    call('UNLINK', ENDED)
  end
end

-- Records the tick, and frees the keys that a queue without places does not need. A tick that
-- `changed` nothing writes its instant at most once a second, and nothing in a queue without
-- places.
-- Returns two flags: whether the queue is idle, and whether it became idle by this tick.
local function record_tick(changed)
  if had_entries and (changed or tick_is_due()) then
    record_service()
  end
  forget_reentry()
  if count_entries() > 0 then
    update_ends_from()
    return false, false
  elseif comeback_until() then
    return false, false
  elseif not accepts_reentry() then
    call('UNLINK', LEFT, ENDED)
  end
  -- A user who re-enters by a ticket of a gap makes the queue busy again.
  call('HDEL', QUEUE, 'ends_from')
  local became_idle = listing % 2 == 1
  if became_idle then
    listing = call('HINCRBY', QUEUE, 'listing', 1)
  end
  return true, became_idle
end

-- Records the tick and returns the reply `ticked`: after the view of the queue the number of places
-- that the tick admitted or removed, and whether there is more to do; the number of waiting users
-- and, of those, how many stand aside; the numbers of users who are active, who are out of the line
-- in any way, and who were admitted from it; the version of the policy, and admit and interval of
-- its throughput, false without one; start, length and count of the admission window, false, false
-- and 0 without one; whether the queue is idle, the number of its entry in the list of busy queues
-- (odd while it is listed, and one more once it is not), and whether it became idle by this tick.
-- Flags are 1 or 0.
local function report(done, more, changed)
  local idle, became_idle = record_tick(changed)
  local waiting, active = counts()
  local _, aside = count_passed()
  local fields = call('HMGET', QUEUE, 'departed', 'admitted', 'window_start', 'window_interval',
    'window_admitted', 'version')
  local reply = new_reply('ticked')
  reply[7], reply[8] = done, more and 1 or 0
  reply[9], reply[10], reply[11] = waiting, aside, active
  reply[12], reply[13] = tonumber(fields[1]) or 0, tonumber(fields[2]) or 0
  reply[14], reply[15], reply[16] = fields[6], terms.admit or false, terms.interval or false
  if terms.admit then
    reply[17], reply[18] = tonumber(fields[3]) or false, tonumber(fields[4]) or false
    reply[19] = tonumber(fields[5]) or 0
  else
    reply[17], reply[18], reply[19] = false, false, 0
  end
  reply[20], reply[21], reply[22] = idle and 1 or 0, listing, became_idle and 1 or 0
  return reply
end
