-- Says where places are. Changes nothing, so it is no heartbeat. (people.lua)
for n = 1, #members do
  local _, arrival = person(n)
  local place = places[n]
  local is_theirs = place and place.arrival == arrival
  tell(n, is_theirs and PLACE or GONE, is_theirs and place or nil)
end
return all_told()
