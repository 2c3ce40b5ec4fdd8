-- How people bring their places back to a queue that its store has lost.

local function takes_people_back()
  return terms.comeback_until and now < terms.comeback_until
end

-- Remembers that the places of these members have ended, while that can matter.
local function remember_ends(members)
  if takes_people_back() then
    call('SADD', ENDED, unpack(members))
  end
end

-- Forgets a recovery that is over, for good: also where the clock steps back.
local function forget_recovery()
  if terms.comeback_until and now >= terms.comeback_until then
    terms.recovering_until, terms.comeback_until = nil, nil
    call('UNLINK', ENDED)
    call('HSET', QUEUE, 'terms', cmsgpack.pack(terms))
  end
end

-- True where a ticket of this generation brings the place of `member`, who has none, back.
local function may_come_back(member, generation)
  return takes_people_back()
    and generation ~= terms.generation
    and call('SISMEMBER', ENDED, member) == 0
end

-- Puts `member` back into the line; new joins come after everybody who was there before.
local function take_back(member, arrival)
  if last_arrival < arrival then
    last_arrival = arrival
    call('HSET', QUEUE, 'last_arrival', arrival)
  end
  may_end_at(now + terms.waiting_ttl)
  call('ZADD', HEARD, now, member)
  call('ZADD', WAITING, arrival, member)
  return { arrival = arrival, waits = true }
end
