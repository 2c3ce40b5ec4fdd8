-- Takes places, or returns those there are. (people.lua)
local state = effective_state()

-- Who takes a place in the line, each after the arrival.
local joining = {}

local function put_in_line()
  if #joining > 0 then
    call('ZADD', WAITING, unpack(joining))
    joining = {}
  end
end

-- Why nobody is taken now, if so; and else whether the next one need not wait.
local function refusal()
  if state == 'closed' then
    return CLOSED
  elseif state == 'sold_out' then
    return SOLD_OUT
  end
  local at_once = in_line == 0 and room(state) > 0
  if not at_once and terms.max_waiting and in_line >= terms.max_waiting then
    return FULL
  end
  return nil, at_once
end

local function take_place(member, at_once)
  -- Strictly later than every arrival before, also where the clock stood still or stepped back.
  last_arrival = math.max(now, last_arrival + 1)
  if at_once then
    may_end_at(now + terms.claim_ttl)
    call('ZADD', UNCLAIMED, now, member)
    call('HSET', PLACES, member, pack_place(last_arrival, now))
    count_in_window(state, 1)
    local ends_at = math.max(now, serving_since) + terms.claim_ttl
    return { arrival = last_arrival, admitted_at = now, ends_at = ends_at }
  end
  heard_of(member)
  joining[#joining + 1] = last_arrival
  joining[#joining + 1] = member
  -- No arrival is later than the last.
  local ahead = in_line
  in_line = in_line + 1
  return { arrival = last_arrival, waits = true, ahead = ahead }
end

-- What came of the n-th, and the place.
local function join(n)
  local member, arrival, generation = person(n)
  local place = places[n]
  if place then
    if place.waits then
      heard_of(member)
    end
    return PLACE, place
  end
  if arrival then
    -- Where a clock has stepped back, they may come back behind those who have just joined.
    put_in_line()
    place = come_back(member, arrival, generation)
    if place then
      return PLACE, place
    end
  end
  local why, at_once = refusal()
  if why then
    return why
  end
  return JOINED, take_place(member, at_once)
end

local anybody_joined = false
for n = 1, #members do
  local came, place = join(n)
  anybody_joined = anybody_joined or came == JOINED
  tell(n, came, place)
end

put_in_line()
if anybody_joined then
  call('HSET', QUEUE, 'last_arrival', last_arrival)
end
return all_told(anybody_joined and listing % 2 == 0 and listing + 1)
