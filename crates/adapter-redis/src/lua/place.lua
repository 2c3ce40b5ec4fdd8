-- Places, and what their users are told of them.

-- The place of `member`, or nil.
local function find(member)
  local arrival = call('ZSCORE', WAITING, member)
  if arrival then
    return { arrival = tonumber(arrival), waits = true }
  end
  local place = call('HGET', PLACES, member)
  if not place then
    return nil
  end
  local arrived_at, admitted_at, claimed_at = unpack(cmsgpack.unpack(place))
  if claimed_at then
    local ends_at = tonumber(call('ZSCORE', ACTIVE, member))
    return { arrival = arrived_at, admitted_at = admitted_at, claimed_at = claimed_at, ends_at = ends_at }
  end
  admitted_at = tonumber(call('ZSCORE', UNCLAIMED, member))
  local ends_at = math.max(admitted_at, serving_since) + terms.claim_ttl
  return { arrival = arrived_at, admitted_at = admitted_at, ends_at = ends_at }
end

-- A sign of life.
local function heard_of(member)
  call('ZADD', HEARD, now, member)
end

-- The answer `what` about the place of `member`: after the queue's view its ticket, then for who waits
-- 1, the position, how many are behind and how many were admitted before; for who is active 0, since when, until when and whether it
-- was claimed.
local function answer_place(what, member, place)
  local told = answer(what)
  told[7], told[8] = terms.generation, place.arrival
  if place.waits then
    local ahead = place.ahead or call('ZRANK', WAITING, member)
    told[9], told[10], told[11] = 1, ahead + 1, call('ZCARD', WAITING) - ahead - 1
    told[12] = admitted
  else
    told[9], told[10], told[11] = 0, place.admitted_at, place.ends_at
    told[12] = place.claimed_at and 1 or 0
  end
  return told
end

-- The place that a ticket is good for, got back where it may be; nil where it is gone.
local function place_of_ticket(member, arrival, generation)
  local place = find(member)
  if not place and may_come_back(member, generation) then
    return take_back(member, arrival)
  end
  if place and place.arrival == arrival then
    if place.waits then
      heard_of(member)
    end
    return place
  end
  return nil
end
