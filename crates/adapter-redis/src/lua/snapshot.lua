-- How the line stands, and who has left it since an earlier look. Changes nothing.
--
-- ARGV: 2 and 3 generation and number of the mark of the earlier look, empty without one.
-- Gives `seen`; after the queue's view the generation, the policy's version and waiting time to live, after
-- which silence users are absent and up to which position turns come soon; until when users re-enter; how many wait, how many were admitted from the line and the
-- arrival that admission has passed; the number of the mark of this look; and 1 where anybody may have left, else
-- 0 and the arrivals of those who did.
local kept = call('HMGET', QUEUE, 'version', 'left')
local left = tonumber(kept[2]) or 0

local reply = answer('seen')
reply[7], reply[8], reply[9] = terms.generation, kept[1], terms.waiting_ttl
local _, aside = count_passed()
-- Users who stand aside are ahead of all whose turn has not come.
reply[10], reply[11] = terms.absent_after or false, math.min((terms.near or 0) + aside, 2 ^ 53 - 1)
reply[12] = reentry_until() or false
reply[13] = (counts())
reply[14], reply[15] = admitted, passed_to > 0 and passed_to or false
reply[16], reply[17] = left, 1

if ARGV[2] == terms.generation then
  local count = left - ARGV[3]
  if count == 0 then
    reply[17] = 0
  elseif count > 0 and count <= call('LLEN', LEFT) then
    reply[17] = 0
    for _, leaver in ipairs(call('LRANGE', LEFT, -count, -1)) do
      reply[#reply + 1] = tonumber(leaver)
    end
  end
end
return reply
