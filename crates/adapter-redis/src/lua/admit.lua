-- Admits those at the head of the line, strictly in order.
--
-- ARGV: 3 how many at most.
-- Gives `ticked` with the report.
serve()
local waiting = call('ZCARD', WAITING)
if waiting == 0 then
  return report(0, false)
end
local state = effective_state()
local free = room(state)
local admitted = math.min(tonumber(ARGV[3]), free, waiting)
if admitted > 0 then
  local head = call('ZRANGE', WAITING, 0, admitted - 1, 'WITHSCORES')
  local members, admissions, places = {}, {}, {}
  for i = 1, #head, 2 do
    local member, arrival = head[i], tonumber(head[i + 1])
    members[#members + 1] = member
    admissions[i], admissions[i + 1] = now, member
    places[i], places[i + 1] = member, cmsgpack.pack({ arrival })
  end
  -- They are active before they are taken from the line.
  call('ZADD', UNCLAIMED, unpack(admissions))
  call('HSET', PLACES, unpack(places))
  call('ZREMRANGEBYRANK', WAITING, 0, admitted - 1)
  call('ZREM', HEARD, unpack(members))
  call('HINCRBY', QUEUE, 'departed', admitted)
  call('HINCRBY', QUEUE, 'admitted', admitted)
  count_in_window(state, admitted)
end
return report(admitted, admitted < free and admitted < waiting)
