-- Says where places are. Counts as heartbeats. (people.lua)
end_silence()
for n = 1, #members do
  local place = place_of_ticket(n)
  tell(n, place and PLACE or GONE, place)
end
return all_told()
