-- Returns the places of tickets. Changes nothing, so it is no heartbeat. ARGV and reply: parts/users.lua.
for n = 1, #members do
  local _, arrival = user(n)
  local place = places[n]
  local is_theirs = place and place.arrival == arrival
  reply_to(n, is_theirs and PLACE or GONE, is_theirs and place or nil)
end
return reply_to_all()
