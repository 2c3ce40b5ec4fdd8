-- Ends a place.
--
-- ARGV: 3 the member, 4 and 5 arrival and generation of the ticket, 6 how many leavers are remembered.
-- Gives `left` or `gone`.
local member, arrival, generation = ARGV[3], tonumber(ARGV[4]), ARGV[5]
local place = find(member)

if place and place.arrival == arrival then
  if place.waits then
    call('ZREM', WAITING, member)
    call('ZREM', HEARD, member)
    call('HINCRBY', QUEUE, 'departed', 1)
    -- The number of the last entry is the counter, so the numbers of all follow from it.
    call('HINCRBY', QUEUE, 'left', 1)
    call('RPUSH', LEFT, ARGV[4])
    call('LTRIM', LEFT, -ARGV[6], -1)
  else
    call('ZREM', ACTIVE, member)
    call('ZREM', UNCLAIMED, member)
    call('HDEL', PLACES, member)
  end
  remember_ends({ member })
  return { 'left', now }
elseif not place and may_come_back(member, generation) then
  remember_ends({ member })
  return { 'left', now }
end
return { 'gone', now }
