-- Which places are past their end. Mirrors model/queue/deadlines.rs (Deadlines::cutoffs, PlaceEnd).

-- False while no place is past its end, without a look at any.
local some_may_be_over = now >= ends_from

-- Places are past their end whose score is at most the cutoff; nil where none is.
local function cutoff(ttl)
  local last = now - ttl
  return some_may_be_over and serving_since <= last and last or nil
end
local waiting_cutoff = cutoff(terms.waiting_ttl)
local unclaimed_cutoff = cutoff(terms.claim_ttl)
local claimed_cutoff = some_may_be_over and now or nil

-- Users are absent whose last heartbeat is before this; nil where nobody is.
local absent_cutoff = terms.absent_after and now - terms.absent_after
if absent_cutoff and serving_since >= absent_cutoff then
  absent_cutoff = nil
end

-- How many members of `key` are past their end. Costs the logarithm of the size, whatever the answer.
local function count_over(key, last)
  return last and call('ZCOUNT', key, '-inf', last) or 0
end

-- When an unclaimed place ends.
local function claim_end(admitted_at)
  return math.max(admitted_at, serving_since) + terms.claim_ttl
end

-- How many users wait and how many are active, without places past their end.
local function counts()
  local waiting = call('ZCARD', WAITING) - count_over(HEARD, waiting_cutoff)
  local claimed = call('ZCARD', ACTIVE) - count_over(ACTIVE, claimed_cutoff)
  local unclaimed = call('ZCARD', UNCLAIMED) - count_over(UNCLAIMED, unclaimed_cutoff)
  return waiting, claimed + unclaimed
end
