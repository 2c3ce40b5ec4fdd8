-- Takes a place, or returns the one there is.
--
-- ARGV: 3 the member; 4 and 5 arrival and generation of the ticket that was shown, empty without one.
-- Gives `held` or `joined` with the place, and then the number under which the queue is to be listed as
-- busy where it is not; or `refused` with the reason.
local member, arrival, generation = ARGV[3], tonumber(ARGV[4]), ARGV[5]

local place = find(member)
if place then
  if place.waits then
    heard_of(member)
  end
  return answer_place('held', member, place)
end
if arrival and may_come_back(member, generation) then
  return answer_place('held', member, take_back(member, arrival))
end

local function refused(why)
  local told = answer('refused')
  told[7] = why
  return told
end

local state = effective_state()
if state == 'closed' or state == 'sold_out' then
  return refused(state)
end
local waiting = call('ZCARD', WAITING)
local at_once = waiting == 0 and room(state) > 0
if not at_once and terms.max_waiting and waiting >= terms.max_waiting then
  return refused('full')
end

-- Strictly later than every arrival before, also where the clock stood still or stepped back.
arrival = math.max(now, last_arrival + 1)
call('HSET', QUEUE, 'last_arrival', arrival)
if at_once then
  may_end_at(now + terms.claim_ttl)
  call('ZADD', UNCLAIMED, now, member)
  call('HSET', PLACES, member, cmsgpack.pack({ arrival, now }))
  count_in_window(state, 1)
  place = { arrival = arrival, admitted_at = now, ends_at = math.max(now, serving_since) + terms.claim_ttl }
else
  heard_of(member)
  call('ZADD', WAITING, arrival, member)
  -- No arrival is later than the last.
  place = { arrival = arrival, waits = true, ahead = waiting, behind = 0 }
end

local told = answer_place('joined', member, place)
told[#told + 1] = listing % 2 == 0 and listing + 1 or false
return told
