-- How the line stands, and who has left it since an earlier look. Changes nothing.
--
-- ARGV: 2 and 3 generation and number of the mark of the earlier look, empty without one.
-- Gives `seen`; after the queue's view the generation, the policy's version and waiting time to live,
-- until when users re-enter; how many wait, how many were admitted from the line and the
-- latest arrival of those; the number of the mark of this look; and 1 where anybody may have left, else
-- 0 and the arrivals of those who did.
local kept = call('HMGET', QUEUE, 'version', 'admitted_up_to', 'left')
local left = tonumber(kept[3]) or 0

local told = answer('seen')
told[7], told[8], told[9] = terms.generation, kept[1], terms.waiting_ttl
told[10] = accepts_reentry() and terms.comeback_until or false
told[11] = (counts())
told[12], told[13] = admitted, tonumber(kept[2]) or false
told[14], told[15] = left, 1

if ARGV[2] == terms.generation then
  local count = left - ARGV[3]
  if count == 0 then
    told[15] = 0
  elseif count > 0 and count <= call('LLEN', LEFT) then
    told[15] = 0
    for _, leaver in ipairs(call('LRANGE', LEFT, -count, -1)) do
      told[#told + 1] = tonumber(leaver)
    end
  end
end
return told
