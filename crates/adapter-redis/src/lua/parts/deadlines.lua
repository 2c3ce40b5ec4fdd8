-- Which places are expired. Mirrors model/queue/deadlines.rs (Deadlines::cutoffs, PlaceEnd).

-- False if no place is expired, as `ends_from` shows without reading any place.
local some_may_be_over = now >= ends_from

-- Places whose score is at most the cutoff are expired. nil if no place is.
local function cutoff(ttl)
  local last = now - ttl
  return some_may_be_over and serving_since <= last and last or nil
end
local waiting_cutoff = cutoff(terms.waiting_ttl)
local unclaimed_cutoff = cutoff(terms.claim_ttl)
local claimed_cutoff = some_may_be_over and now or nil

-- Waiting users whose last heartbeat is before this are absent. nil if no user is.
local absent_cutoff = terms.absent_after and now - terms.absent_after
if absent_cutoff and serving_since >= absent_cutoff then
  absent_cutoff = nil
end

-- Returns how many members of `key` are expired. The cost is logarithmic in the size of `key`,
-- however many they are.
local function count_over(key, last)
  return last and call('ZCOUNT', key, '-inf', last) or 0
end

-- The deadline of an unclaimed place.
local function claim_end(admitted_at)
  return math.max(admitted_at, serving_since) + terms.claim_ttl
end

-- Returns how many users wait and how many are active, without expired places.
local function counts()
  local waiting = call('ZCARD', WAITING) - count_over(HEARD, waiting_cutoff)
  local claimed = call('ZCARD', ACTIVE) - count_over(ACTIVE, claimed_cutoff)
  local unclaimed = call('ZCARD', UNCLAIMED) - count_over(UNCLAIMED, unclaimed_cutoff)
  return waiting, claimed + unclaimed
end
