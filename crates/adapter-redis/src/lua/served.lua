-- Returns the arrival up to which every user was admitted or is gone. Changes nothing.
-- Mirrors model/queue/reentry.rs (QueueTerms::served).
--
-- Returns `served`; after the view of the queue that arrival, false if no user was admitted; and
-- the start of uninterrupted service.
local reply = new_reply('served')
reply[8] = serving_since
if comeback_until() then
  -- Any user with a later arrival may still re-enter.
  reply[7] = terms.served_up_to or 0
  return reply
end
local up_to = math.max(passed_to, tonumber(call('HGET', QUEUE, 'at_once_up_to')) or 0)
if up_to == 0 then
  reply[7] = false
  return reply
end
local first_waiting = call('ZRANGE', WAITING, 0, 0, 'WITHSCORES')[2]
if first_waiting then
  up_to = math.min(up_to, first_waiting - 1)
end
for _, gap in ipairs(gaps) do
  if gap.confirmed and gap_is_open(gap) then
    up_to = math.min(up_to, gap.after)
  end
end
reply[7] = up_to
return reply
