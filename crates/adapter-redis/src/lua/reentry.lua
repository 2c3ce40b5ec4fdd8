-- Re-entry of users whose places the store has lost. Mirrors model/queue/reentry.rs (QueueTerms::reenters).

-- Until when users re-enter with tickets of another generation; nil where they do not.
local function comeback_until()
  return terms.comeback_until and now < terms.comeback_until and terms.comeback_until or nil
end

-- Until when users may re-enter after a loss that is known; nil where they may not.
local function reentry_until()
  local after_loss, after_gap = comeback_until(), gaps_open_until()
  return after_loss and after_gap and math.max(after_loss, after_gap) or after_loss or after_gap
end

local function accepts_reentry()
  return reentry_until() ~= nil
end

-- Remembers that the places of these members end, while that can matter. They are not removed yet.
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

-- True where a ticket re-enters for `member`, who has no place.
local function may_reenter(member, arrival, generation)
  if generation ~= terms.generation then
    return comeback_until() ~= nil and arrival > (terms.served_up_to or 0)
      and not call('ZSCORE', ENDED, member)
  elseif arrival <= last_arrival and not gap_of(arrival) then
    return false
  end
  -- A place that was taken after the one that ended is not the one that ended.
  local ended = tonumber(call('ZSCORE', ENDED, member))
  return not ended or ended < arrival
end
