-- Notes heartbeats of users who wait.
--
-- ARGV: from 2 on the member, the arrival and the instant of each, up to the server's name.
-- Returns `noted`.
end_silence()
for i = 2, #ARGV - 2, 3 do
  local member = ARGV[i]
  local arrival = call('ZSCORE', WAITING, member)
  if arrival and tonumber(arrival) == tonumber(ARGV[i + 1]) then
    local last = tonumber(call('ZSCORE', HEARD, member))
    local at = math.min(tonumber(ARGV[i + 2]), now)
    -- A place past its end stays past it. An older heartbeat never replaces a newer one.
    if at > last and not (waiting_cutoff and last <= waiting_cutoff) then
      call('ZADD', HEARD, at, member)
      return_to_line(member, tonumber(arrival))
    end
  end
end
return { 'noted', now }
