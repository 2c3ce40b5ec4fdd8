-- Functions that remove expired places, a bounded number at a time.

-- Returns the expired members of `key` with the lowest scores, at most `limit`.
local function expired_members(key, last, limit)
  if limit <= 0 or count_expired(key, last) == 0 then
    return {}
  end
  return call('ZRANGE', key, '-inf', last, 'BYSCORE', 'LIMIT', 0, limit)
end

-- Removes at most `limit` expired waiting places. Returns the number of removed places.
local function expire_waiting(limit)
  local members = expired_members(HEARD, waiting_cutoff, limit)
  if #members > 0 then
    remember_ends(members)
    remove_from_line(members)
  end
  return #members
end

-- Removes at most `limit` expired places of `key`, one of the two sets of active users. Returns the
-- number of removed places.
local function expire_active(key, last, limit)
  local members = expired_members(key, last, limit)
  if #members > 0 then
    remember_ends(members)
    call('ZREMRANGEBYRANK', key, 0, #members - 1)
    call('HDEL', PLACES, unpack(members))
  end
  return #members
end

-- Returns the number of active places that count against a capacity. In the state open with a
-- capacity, first removes at most `limit` expired ones. An expired place counts until it is
-- removed, because it may be valid again after an outage or under a longer claim_ttl.
local function occupied(state, limit)
  if any_may_be_expired and terms.max_active and state == 'open' then
    local removed = expire_active(UNCLAIMED, unclaimed_cutoff, limit)
    expire_active(ACTIVE, claimed_cutoff, limit - removed)
  end
  return call('ZCARD', ACTIVE) + call('ZCARD', UNCLAIMED)
end
