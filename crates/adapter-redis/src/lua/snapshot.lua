-- Returns a snapshot of the line, with the departures since an earlier one. Changes nothing.
--
-- ARGV: 2 and 3 the generation and the number of the departure cursor of the earlier snapshot,
-- empty without one.
-- Returns `seen`; after the view of the queue the generation, the version of the policy, its
-- waiting_ttl, its absent_after (false if users are never absent), and the last near position;
-- the instant until which users re-enter, false if they do not; the numbers of users who wait and
-- who were admitted from the line, and the latest arrival that admission has passed, false before
-- the first; the number of the departure cursor of this snapshot; and 1 if the departures since the
-- cursor are not known, else 0 and their arrivals.
local fields = call('HMGET', QUEUE, 'version', 'left')
local departures = tonumber(fields[2]) or 0

local reply = new_reply('seen')
reply[7], reply[8], reply[9] = terms.generation, fields[1], terms.waiting_ttl
local _, aside = count_passed()
-- Users who stand aside have positions ahead of all users whose turn has not come.
reply[10], reply[11] = terms.absent_after or false, math.min((terms.near or 0) + aside, 2 ^ 53 - 1)
reply[12] = reentry_until() or false
reply[13] = (counts())
reply[14], reply[15] = admitted, passed_to > 0 and passed_to or false
reply[16], reply[17] = departures, 1

if ARGV[2] == terms.generation then
  local count = departures - ARGV[3]
  if count == 0 then
    reply[17] = 0
  elseif count > 0 and count <= call('LLEN', LEFT) then
    reply[17] = 0
    for _, arrival in ipairs(call('LRANGE', LEFT, -count, -1)) do
      reply[#reply + 1] = tonumber(arrival)
    end
  end
end
return reply
