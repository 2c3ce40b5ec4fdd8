-- Records heartbeats of waiting users, and returns the places of all users after that. No user
-- re-enters. ARGV and reply: parts/users.lua.
--
-- The number in each request is the instant of the heartbeat. Unlike in other scripts, a user may
-- be named twice: the script removes no place, and reads the last heartbeat again before it
-- replaces it.
end_silence()
for n = 1, #members do
  local member, arrival, _, at = user(n)
  local place = places[n]
  local is_theirs = place and place.arrival == arrival
  if is_theirs and place.waits then
    at = math.min(at, now)
    -- An older heartbeat never replaces a newer one.
    if at > tonumber(call('ZSCORE', HEARD, member)) then
      call('ZADD', HEARD, at, member)
      return_to_line(member, arrival)
    end
  end
  set_record(n, is_theirs and PLACE or GONE, is_theirs and place or nil)
end
return batch_reply()
