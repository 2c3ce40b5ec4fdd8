-- Notes signs of life of people who wait.
--
-- ARGV: from 3 on the member, the arrival and the instant of each, up to the call's number.
-- Gives `noted`.
local unheard = last_unheard()
for i = 3, #ARGV - 1, 3 do
  local member = ARGV[i]
  local arrival = call('ZSCORE', WAITING, member)
  if arrival and tonumber(arrival) == tonumber(ARGV[i + 1]) then
    local last = tonumber(call('ZSCORE', HEARD, member))
    local at = math.min(tonumber(ARGV[i + 2]), now)
    -- What is past its end is not brought back, though it may be here still.
    if at > last and not (unheard and last <= unheard) then
      call('ZADD', HEARD, at, member)
    end
  end
end
return { 'noted', now }
