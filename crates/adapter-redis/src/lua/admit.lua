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
local count = math.min(tonumber(ARGV[3]), free, waiting)
if count > 0 then
  local head = call('ZRANGE', WAITING, 0, count - 1, 'WITHSCORES')
  local members, admissions, places = {}, {}, {}
  for i = 1, #head, 2 do
    local member, arrival = head[i], tonumber(head[i + 1])
    members[#members + 1] = member
    admissions[i], admissions[i + 1] = now, member
    places[i], places[i + 1] = member, pack_place(arrival, now)
  end
  may_end_at(now + terms.claim_ttl)
  -- They are active before they are taken from the line.
  call('ZADD', UNCLAIMED, unpack(admissions))
  call('HSET', PLACES, unpack(places))
  call('ZREMRANGEBYRANK', WAITING, 0, count - 1)
  call('ZREM', HEARD, unpack(members))
  call('HINCRBY', QUEUE, 'departed', count)
  call('HINCRBY', QUEUE, 'admitted', count)
  -- Who came back from before a loss may have arrived before somebody admitted earlier.
  local last, up_to = tonumber(head[#head]), tonumber(call('HGET', QUEUE, 'admitted_up_to'))
  if not up_to or up_to < last then
    call('HSET', QUEUE, 'admitted_up_to', last)
  end
  count_in_window(state, count)
end
return report(count, count < free and count < waiting)
