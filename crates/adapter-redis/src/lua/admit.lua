-- Admits users from the head of the line, strictly in order. Heads past their end are removed on the way
-- and use no room.
--
-- ARGV: 2 how many to admit at most, 3 how many heads past their end to remove at most.
-- Returns `ticked` with the report.
local waiting = counts()
if waiting == 0 then
  return report(0, false, false)
end
local state = effective_state()
local before = call('ZCARD', ACTIVE) + call('ZCARD', UNCLAIMED)
local active = occupied(state, tonumber(ARGV[3]))
local free = room(state, active)
local count = math.min(tonumber(ARGV[2]), free, waiting)
local expired_max = tonumber(ARGV[3])

-- What is done to the front of the line: `taken` places are removed from it, of which some are admitted.
local taken, last_admitted = {}, nil
local admissions, places, expired = {}, {}, {}

local function take(member, arrival, is_over)
  taken[#taken + 1] = member
  if is_over then
    expired[#expired + 1] = member
    return
  end
  local i = #admissions
  admissions[i + 1], admissions[i + 2] = now, member
  places[i + 1], places[i + 2] = member, pack_place(arrival, now)
  last_admitted = arrival
end

-- Takes from the next `span` places of the line; false where that is enough.
local function take_span(span)
  local heads = call('ZRANGE', WAITING, #taken, #taken + span - 1, 'WITHSCORES')
  local members, heartbeats = {}, {}
  for i = 1, #heads, 2 do
    members[#members + 1] = heads[i]
  end
  if #members == 0 then
    return false
  elseif waiting_cutoff then
    heartbeats = call('ZMSCORE', HEARD, unpack(members))
  end
  for n, member in ipairs(members) do
    local heartbeat = tonumber(heartbeats[n])
    local is_over = heartbeat and heartbeat <= waiting_cutoff
    if is_over and #expired == expired_max or not is_over and #admissions == 2 * count then
      return false
    end
    take(member, tonumber(heads[2 * n]), is_over)
  end
  return true
end

-- Where many heads are past their end, each look is at more of them.
local span = count
while #admissions < 2 * count and take_span(math.min(span, 512)) do
  span = 4 * span
end

if #admissions > 0 then
  may_end_at(now + terms.claim_ttl)
  -- They are active before they are taken from the line.
  call('ZADD', UNCLAIMED, unpack(admissions))
  call('HSET', PLACES, unpack(places))
end
if #taken > 0 then
  call('ZREMRANGEBYRANK', WAITING, 0, #taken - 1)
  call('ZREM', HEARD, unpack(taken))
  call('HINCRBY', QUEUE, 'departed', #taken)
  remember_ends(expired)
end
local done = #admissions / 2
if done > 0 then
  call('HINCRBY', QUEUE, 'admitted', done)
  count_in_window(state, done)
  -- A user who re-entered may have arrived before a user who was admitted earlier.
  local up_to = tonumber(call('HGET', QUEUE, 'admitted_up_to'))
  if not up_to or up_to < last_admitted then
    call('HSET', QUEUE, 'admitted_up_to', last_admitted)
  end
end
return report(done, done < free and done < waiting, #taken > 0 or active < before)
