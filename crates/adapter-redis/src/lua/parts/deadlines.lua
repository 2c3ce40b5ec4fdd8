-- The deadlines of places, and the number of expired ones. Mirrors model/queue/deadlines.rs
-- (Deadlines::cutoffs, PlaceEnd).

-- False if no place is expired, as `ends_from` shows without reading any place.
local any_may_be_expired = now >= ends_from

-- Places whose score is at most the cutoff are expired. nil if no place is.
local function cutoff(ttl)
  local last = now - ttl
  return any_may_be_expired and serving_since <= last and last or nil
end
local waiting_cutoff = cutoff(terms.waiting_ttl)
local unclaimed_cutoff = cutoff(terms.claim_ttl)
local claimed_cutoff = any_may_be_expired and now or nil

-- Waiting users whose last heartbeat is before this are absent. nil if no user is.
local absent_cutoff = terms.absent_after and now - terms.absent_after
if absent_cutoff and serving_since >= absent_cutoff then
  absent_cutoff = nil
end

-- Returns the number of expired members of `key`. The cost is logarithmic in the size of `key`,
-- whatever the number is.
local function count_expired(key, last)
  return last and call('ZCOUNT', key, '-inf', last) or 0
end

-- Returns the deadline of an unclaimed place.
local function claim_end(admitted_at)
  return math.max(admitted_at, serving_since) + terms.claim_ttl
end

-- Returns the numbers of waiting and of active users, without expired places.
local function counts()
  local waiting = call('ZCARD', WAITING) - count_expired(HEARD, waiting_cutoff)
  local claimed = call('ZCARD', ACTIVE) - count_expired(ACTIVE, claimed_cutoff)
  local unclaimed = call('ZCARD', UNCLAIMED) - count_expired(UNCLAIMED, unclaimed_cutoff)
  return waiting, claimed + unclaimed
end
