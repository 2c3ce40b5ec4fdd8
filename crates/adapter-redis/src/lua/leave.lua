-- Ends places. (people.lua)
--
-- The number of each person is how many leavers are remembered.

local function end_place(member, place, remembered)
  if place.waits then
    call('ZREM', WAITING, member)
    call('ZREM', HEARD, member)
    call('HINCRBY', QUEUE, 'departed', 1)
    -- The number of the last entry is the counter, so the numbers of all follow from it.
    call('HINCRBY', QUEUE, 'left', 1)
    call('RPUSH', LEFT, place.arrival)
    call('LTRIM', LEFT, -remembered, -1)
  else
    call('ZREM', ACTIVE, member)
    call('ZREM', UNCLAIMED, member)
    call('HDEL', PLACES, member)
  end
end

for n = 1, #members do
  local member, arrival, generation, remembered = person(n)
  local place = places[n]
  local leaves = false
  if place then
    leaves = place.arrival == arrival
    if leaves then
      end_place(member, place, remembered)
    end
  else
    leaves = may_come_back(member, generation)
  end
  if leaves then
    remember_ends({ member })
  end
  tell(n, leaves and LEFT_IT or GONE)
end
return all_told()
