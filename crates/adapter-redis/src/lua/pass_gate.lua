-- Lets an active place through: claims it, and extends it for a hold.
--
-- ARGV: 3 the member, 4 and 5 arrival and generation of the ticket, 6 how long the place must last from
-- now on so that what is held can be paid for, empty where nothing is held.
-- Gives `passed` or `waiting` with the place, or `gone`.
local member, extension = ARGV[3], tonumber(ARGV[6])
local place = place_of_ticket(member, tonumber(ARGV[4]), ARGV[5])
if not place then
  return { 'gone', now }
elseif place.waits then
  return answer_place('waiting', member, place)
end

local is_claim = not place.claimed_at
local claimed_at = place.claimed_at or now
local ends_at = is_claim and now + terms.active_ttl or place.ends_at
if extension then
  -- Never past where the last hold of an ordinary life would end.
  local last = claimed_at + terms.active_ttl + extension
  ends_at = math.max(ends_at, math.min(now + extension, last))
end
if is_claim or ends_at ~= place.ends_at then
  may_end_at(ends_at)
  call('ZADD', ACTIVE, ends_at, member)
  call('HSET', PLACES, member, cmsgpack.pack({ place.arrival, place.admitted_at, claimed_at, ends_at }))
end
if is_claim then
  call('ZREM', UNCLAIMED, member)
end
place.claimed_at, place.ends_at = claimed_at, ends_at
return answer_place('passed', member, place)
