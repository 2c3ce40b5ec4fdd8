-- Places, and what their users are told of them.

-- The place of `member`, if there is one.
local function find(member)
  local place = call('HGET', PLACES, member)
  if place then
    local arrival, admitted_at, claimed_at, ends_at = unpack(cmsgpack.unpack(place))
    ends_at = ends_at or math.max(admitted_at, serving_since) + terms.claim_ttl
    return { arrival = arrival, admitted_at = admitted_at, claimed_at = claimed_at, ends_at = ends_at }
  end
  local arrival = call('ZSCORE', WAITING, member)
  return arrival and { arrival = tonumber(arrival), waits = true }
end

-- A sign of life.
local function heard_of(member)
  may_end_at(now + terms.waiting_ttl)
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
    told[9], told[10] = 1, ahead + 1
    told[11] = place.behind or call('ZCARD', WAITING) - ahead - 1
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
