-- Admits users from the head of the line, strictly in order. Expired heads are removed on the way,
-- and absent users stand aside. Neither takes room.
--
-- ARGV: 2 the maximum number of users to admit, 3 the maximum number of heads to remove or pass
-- over.
-- Returns `ticked` with the report (parts/tick.lua).
local waiting = counts()
local state = effective_state()
-- In bypass no user stands aside.
if waiting == 0 or state ~= 'bypass' and not has_line(call('ZCARD', WAITING), waiting) then
  return report(0, false, false)
end
local before = call('ZCARD', ACTIVE) + call('ZCARD', UNCLAIMED)
local active = occupied(state, tonumber(ARGV[3]))
local free = room(state, active)
local count = math.min(tonumber(ARGV[2]), free, waiting)
local passed_max = tonumber(ARGV[3])

-- The members to remove from the line: `removed` has the admitted and the expired ones, `expired`
-- only the expired ones.
local removed, expired = {}, {}
local admissions, places = {}, {}
-- The number of users who stand aside from now on, and those of them who were next in line.
local absent, absent_again = 0, {}
local passed_before = passed_to

-- Handles the next head. Returns false once the limits of the call are reached.
local function handle_head(key, member, arrival, heartbeat)
  local i = #admissions
  if i == 2 * count then
    return false
  end
  local decision = head_decision(state, heartbeat)
  if decision ~= 'admit' then
    if #expired + absent == passed_max then
      return false
    elseif decision == 'remove' then
      removed[#removed + 1], expired[#expired + 1] = member, member
      return true
    end
    absent = absent + 1
    if key == RETURNED then
      absent_again[#absent_again + 1] = member
    end
  else
    admissions[i + 1], admissions[i + 2] = now, member
    places[i + 1], places[i + 2] = member, pack_place(arrival, now)
    removed[#removed + 1] = member
  end
  passed_to = math.max(passed_to, arrival)
  return true
end

-- Handles the users of `key` from this rank on, until `count` users are admitted, the limit of the
-- call is reached, or no user is left.
local function handle_heads(key, rank)
  -- Reads grow to at most 512 users, because many may be passed over.
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
    if waiting_cutoff or absent_cutoff then
      heartbeats = call('ZMSCORE', HEARD, unpack(members))
    end
    for n, member in ipairs(members) do
      if not handle_head(key, member, tonumber(heads[2 * n]), tonumber(heartbeats[n]) or now) then
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
      handle_heads(RETURNED, 0)
    end
  end
  handle_heads(WAITING, first)
end

if #admissions > 0 then
  may_end_at(now + terms.claim_ttl)
  -- Users become active before they are removed from the line, so that no reader sees them in
  -- neither set.
  call('ZADD', UNCLAIMED, unpack(admissions))
  call('HSET', PLACES, unpack(places))
end
if #absent_again > 0 then
  call('ZREM', RETURNED, unpack(absent_again))
end
if #removed > 0 then
  remember_ends(expired)
  remove_from_line(removed)
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
return report(done, more, #removed + absent > 0 or active < before)
