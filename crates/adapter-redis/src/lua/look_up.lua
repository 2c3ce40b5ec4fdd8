-- Returns the places of tickets. Counts as heartbeats. ARGV and reply: parts/users.lua.
end_silence()
for n = 1, #members do
  local place = place_of_ticket(n)
  reply_to(n, place and PLACE or GONE, place)
end
return reply_to_all()
