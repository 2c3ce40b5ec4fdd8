-- Returns the places of tickets. Changes nothing, so a peek is no heartbeat. ARGV and reply:
-- parts/users.lua.
for n = 1, #members do
  local _, arrival = user(n)
  local place = places[n]
  local is_theirs = place and place.arrival == arrival
  set_record(n, is_theirs and PLACE or GONE, is_theirs and place or nil)
end
return batch_reply()
