-- Re-entry of users whose places the store has lost. Mirrors model/queue/reentry.rs
-- (QueueTerms::reenters).

-- Returns the instant until which users re-enter with tickets of another generation. nil if they do
-- not.
local function comeback_until()
  return terms.comeback_until and now < terms.comeback_until and terms.comeback_until or nil
end

-- Returns the instant until which users may re-enter after a known loss. nil if they may not.
local function reentry_until()
  local after_loss, after_gap = comeback_until(), gaps_open_until()
  return after_loss and after_gap and math.max(after_loss, after_gap) or after_loss or after_gap
end

local function accepts_reentry()
  return reentry_until() ~= nil
end

-- Remembers that the places of these members end, while users may re-enter. Must be called before
-- the places are removed.
local function remember_ends(members)
  if #members == 0 or not accepts_reentry() then
    return
  end
  local waiting = call('ZMSCORE', WAITING, unpack(members))
  local active = call('HMGET', PLACES, unpack(members))
  local ended = {}
  for n, member in ipairs(members) do
    local arrival = waiting[n] or (is_place(active[n]) and unpack_place(active[n]))
    ended[#ended + 1], ended[#ended + 2] = tonumber(arrival) or 0, member
  end
  call('ZADD', ENDED, unpack(ended))
end

-- Returns true if this ticket re-enters for `member`, who has no place.
local function may_reenter(member, arrival, generation)
  if generation ~= terms.generation then
    return comeback_until() ~= nil and arrival > (terms.served_up_to or 0)
      and not call('ZSCORE', ENDED, member)
  elseif arrival <= last_arrival and not gap_of(arrival) then
    return false
  end
  -- A ticket later than the place that ended belongs to another place.
  local ended = tonumber(call('ZSCORE', ENDED, member))
  return not ended or ended < arrival
end
