-- Places that are past their end: nobody may see them, or count them.

-- Past their end are those whose score is at most this; nil where nobody is.
local function last_unheard()
  local last = now - terms.waiting_ttl
  return serving_since <= last and last or nil
end
local function last_unclaimed()
  local last = now - terms.claim_ttl
  return serving_since <= last and last or nil
end

local function count_past(key, last)
  return last and call('ZCOUNT', key, '-inf', last) or 0
end

-- At most `limit` members of `key` who are past their end.
local function past_end(key, last, limit)
  if limit == 0 or count_past(key, last) == 0 then
    return {}
  end
  return call('ZRANGE', key, '-inf', last, 'BYSCORE', 'LIMIT', 0, limit)
end

local function end_waiting(limit)
  local members = past_end(HEARD, last_unheard(), limit)
  if #members > 0 then
    call('ZREM', WAITING, unpack(members))
    call('ZREM', HEARD, unpack(members))
    call('HINCRBY', QUEUE, 'departed', #members)
    remember_ends(members)
  end
  return #members
end

local function end_active(key, last, limit)
  local members = past_end(key, last, limit)
  if #members > 0 then
    call('ZREM', key, unpack(members))
    call('HDEL', PLACES, unpack(members))
    remember_ends(members)
  end
  return #members
end

-- Ends at most `limit` places that are past their end; gives how many.
local function settle(limit)
  local ended = end_waiting(limit)
  ended = ended + end_active(UNCLAIMED, last_unclaimed(), limit - ended)
  ended = ended + end_active(ACTIVE, now, limit - ended)
  forget_recovery()
  return ended
end

-- How many wait, and how many are active, without those past their end who are still here.
local function counts()
  local waiting = call('ZCARD', WAITING) - count_past(HEARD, last_unheard())
  local active = call('ZCARD', ACTIVE) - count_past(ACTIVE, now)
  local unclaimed = call('ZCARD', UNCLAIMED) - count_past(UNCLAIMED, last_unclaimed())
  return waiting, active + unclaimed
end
