-- Returns the places of tickets, and records a heartbeat of each waiting user. ARGV and reply:
-- parts/users.lua.
end_silence()
for n = 1, #members do
  local place = place_of_ticket(n)
  set_record(n, place and PLACE or GONE, place)
end
return batch_reply()
