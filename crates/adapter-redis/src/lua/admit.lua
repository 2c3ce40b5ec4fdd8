-- Admits users from the head of the line, strictly in order. Heads past their end are removed on the way, and
-- absent users are passed over: they stand aside. Neither takes room.
--
-- ARGV: 2 how many to admit at most, 3 how many heads to pass over or to remove at most.
-- Returns `ticked` with the report.
local waiting = counts()
local state = effective_state()
-- In bypass nobody stands aside.
if waiting == 0 or state ~= 'bypass' and not finds_line(call('ZCARD', WAITING), waiting) then
  return report(0, false, false)
end
local before = call('ZCARD', ACTIVE) + call('ZCARD', UNCLAIMED)
local active = occupied(state, tonumber(ARGV[3]))
local free = room(state, active)
local count = math.min(tonumber(ARGV[2]), free, waiting)
local passed_max = tonumber(ARGV[3])

-- Mirrors model/queue/turn.rs (HeadDecision::of).
local absent_before = state ~= 'bypass' and absent_cutoff or nil

-- Who leaves the line: those who are admitted, and those past their end.
local taken, expired = {}, {}
local admissions, places = {}, {}
-- Who stands aside: how many, and those of them who had returned.
local absent, absent_again = 0, {}
local passed_before = passed_to

-- Decides about the next head; false where that is enough.
local function take(key, member, arrival, heartbeat)
  local i = #admissions
  if i == 2 * count then
    return false
  end
  local is_over = waiting_cutoff and heartbeat <= waiting_cutoff
  local is_absent = absent_before and heartbeat < absent_before
  if is_over or is_absent then
    if #expired + absent == passed_max then
      return false
    elseif is_over then
      taken[#taken + 1], expired[#expired + 1] = member, member
      return true
    end
    absent = absent + 1
    if key == RETURNED then
      absent_again[#absent_again + 1] = member
    end
  else
    admissions[i + 1], admissions[i + 2] = now, member
    places[i + 1], places[i + 2] = member, pack_place(arrival, now)
    taken[#taken + 1] = member
  end
  passed_to = math.max(passed_to, arrival)
  return true
end

-- Decides about the users of `key` from this rank on.
local function take_from(key, rank)
  -- Where many are passed over, each look is at more of them.
  local span = count
  while #admissions < 2 * count do
    span = math.min(span, 512)
    local heads = call('ZRANGE', key, rank, rank + span - 1, 'WITHSCORES')
    if #heads == 0 then
      return
    end
    local members, heartbeats = {}, {}
    for i = 1, #heads, 2 do
      members[#members + 1] = heads[i]
    end
    if waiting_cutoff or absent_before then
      heartbeats = call('ZMSCORE', HEARD, unpack(members))
    end
    for n, member in ipairs(members) do
      if not take(key, member, tonumber(heads[2 * n]), tonumber(heartbeats[n]) or now) then
        return
      end
    end
    rank, span = rank + span, 4 * span
  end
end

if count > 0 then
  local first = 0
  if state ~= 'bypass' then
    first = count_passed()
    if first > 0 then
      take_from(RETURNED, 0)
    end
  end
  take_from(WAITING, first)
end

if #admissions > 0 then
  may_end_at(now + terms.claim_ttl)
  -- They are active before they are taken from the line.
  call('ZADD', UNCLAIMED, unpack(admissions))
  call('HSET', PLACES, unpack(places))
end
if #absent_again > 0 then
  call('ZREM', RETURNED, unpack(absent_again))
end
if #taken > 0 then
  remember_ends(expired)
  remove_from_line(taken)
end
local done = #admissions / 2
if done > 0 then
  call('HINCRBY', QUEUE, 'admitted', done)
  count_in_window(state, done)
end
if passed_to > passed_before then
  call('HSET', QUEUE, 'admitted_up_to', passed_to)
end
local _, aside = count_passed()
local heads = call('ZCARD', WAITING) - (state == 'bypass' and 0 or aside)
local more = done < free and done < waiting and heads > 0
return report(done, more, #taken + absent > 0 or active < before)
