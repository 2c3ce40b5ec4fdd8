-- Removes the places of users who leave. ARGV and reply: parts/users.lua.
--
-- The number in each request is the maximum number of departures that the line keeps.

local function leave(member, place, kept_max)
  if place.waits then
    -- The counter is the number of the last departure, from which the numbers of all others follow.
    call('HINCRBY', QUEUE, 'left', 1)
    call('RPUSH', LEFT, place.arrival)
    call('LTRIM', LEFT, -kept_max, -1)
  end
  remove_place(member, place)
end

end_silence()
for n = 1, #members do
  local member, arrival, generation, kept_max = user(n)
  local place = places[n]
  local leaves = false
  if place then
    leaves = place.arrival == arrival
    if leaves then
      leave(member, place, kept_max)
    end
  elseif not expired_places[n] and may_reenter(member, arrival, generation) then
    leaves = true
    if generation == terms.generation then
      confirm_loss(arrival)
    end
    call('ZADD', ENDED, arrival, member)
  end
  set_record(n, leaves and LEFT_IT or GONE)
end
return batch_reply()
