-- Lets users with active places through the gate: claims the places, and extends them for a hold.
-- ARGV and reply: parts/users.lua.
--
-- The number in each request is how long the place must last from now on so that a hold can be
-- paid, in microseconds, empty if nothing is held. Mirrors model/queue/deadlines.rs
-- (Deadlines::end_after_gate).

local function pass(member, place, extension)
  local is_claim = not place.claimed_at
  local claimed_at = place.claimed_at or now
  local ends_at = is_claim and now + terms.active_ttl or place.ends_at
  if extension then
    -- Not beyond the deadline that a hold at the end of active_ttl would give.
    local last = claimed_at + terms.active_ttl + extension
    ends_at = math.max(ends_at, math.min(now + extension, last))
  end
  if is_claim or ends_at ~= place.ends_at then
    may_end_at(ends_at)
    call('ZADD', ACTIVE, ends_at, member)
    call('HSET', PLACES, member, pack_place(place.arrival, place.admitted_at, claimed_at, ends_at))
  end
  if is_claim then
    call('ZREM', UNCLAIMED, member)
  end
  place.claimed_at, place.ends_at = claimed_at, ends_at
end

end_silence()
for n = 1, #members do
  local place = place_of_ticket(n)
  if place and not place.waits then
    local member, _, _, extension = user(n)
    pass(member, place, extension)
  end
  set_record(n, place and PLACE or GONE, place)
end
return batch_reply()
