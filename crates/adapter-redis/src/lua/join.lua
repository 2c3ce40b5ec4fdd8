-- Joins users, or returns the places that they have. ARGV and reply: parts/users.lua.
-- Mirrors model/queue/join.rs (JoinFacts::decide).
end_silence()
local state = effective_state()

-- The number of waiting users, without expired places.
local waiting = counts()

-- True if any user waits for their turn. Users who stand aside do not. nil until it is computed.
local line_exists

-- The room for immediate admissions. nil until it is computed, which is done only if no user waits.
local free
-- The number of immediate admissions in this call, and the latest arrival of them.
local admitted_now, at_once_up_to = 0, nil

-- The maximum number of expired active places that a call removes to make room.
local EXPIRED_MAX = 500

-- The new waiting places: arrival and member of each, alternating.
local joining = {}

local function put_in_line()
  if #joining > 0 then
    call('ZADD', WAITING, unpack(joining))
    joining = {}
  end
end

-- Decides about a user without a place. Returns the outcome of a refusal; or nil, and true if the
-- user is admitted immediately.
local function decide()
  if state == 'closed' then
    return CLOSED
  elseif state == 'ended' then
    return SALE_OVER
  elseif state == 'sold_out' then
    return SOLD_OUT
  end
  if line_exists == nil then
    line_exists = has_line(in_line, waiting)
  end
  if not line_exists then
    free = free or room(state, occupied(state, EXPIRED_MAX))
    if free > 0 then
      return nil, true
    end
  end
  if terms.max_waiting and waiting >= terms.max_waiting then
    return FULL
  end
  return nil, false
end

-- Gives `member` a new place and returns it.
local function add_place(member, at_once)
  serve_first_place()
  -- Strictly later than every earlier arrival, even if the clock stood still or stepped back.
  last_arrival = math.max(now, last_arrival + 1)
  give_out(last_arrival)
  if at_once then
    free, admitted_now, at_once_up_to = free - 1, admitted_now + 1, last_arrival
    may_end_at(now + terms.claim_ttl)
    call('ZADD', UNCLAIMED, now, member)
    call('HSET', PLACES, member, pack_place(last_arrival, now))
    return { arrival = last_arrival, admitted_at = now, ends_at = claim_end(now) }
  end
  record_heartbeat(member, last_arrival)
  line_exists = true
  joining[#joining + 1] = last_arrival
  joining[#joining + 1] = member
  -- This arrival is the latest, so every user in the line is ahead.
  local ahead = in_line
  in_line, waiting = in_line + 1, waiting + 1
  return { arrival = last_arrival, waits = true, ahead = ahead }
end

-- Decides about the n-th user. Returns the outcome and the place, if any.
local function join(n)
  local member, arrival, generation = user(n)
  local place = places[n]
  if place then
    if place.waits then
      record_heartbeat(member, place.arrival)
      line_exists = true
    end
    return PLACE, place
  end
  if expired_places[n] then
    remove_place(member, expired_places[n])
  end
  if arrival and may_reenter(member, arrival, generation) then
    -- If a clock has stepped back, the user may re-enter behind users who have just joined, so
    -- those must be in WAITING before.
    put_in_line()
    waiting, line_exists = waiting + 1, true
    return PLACE, reenter(member, arrival, generation)
  end
  local refusal, at_once = decide()
  if refusal then
    return refusal
  end
  return JOINED, add_place(member, at_once)
end

local any_joined = false
for n = 1, #members do
  local outcome, place = join(n)
  any_joined = any_joined or outcome == JOINED
  set_record(n, outcome, place)
end

put_in_line()
count_in_window(state, admitted_now)
if any_joined then
  call('HSET', QUEUE, 'last_arrival', last_arrival)
end
if at_once_up_to then
  call('HSET', QUEUE, 'at_once_up_to', at_once_up_to)
end
return batch_reply(any_joined)
