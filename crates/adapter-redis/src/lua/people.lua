-- The people that a script is about, their places, and what they are told of them.
--
-- ARGV: from 3 on, four for each person, up to the call's number: the member; arrival and generation of
-- the ticket that is shown, empty without one; and a number, where the script wants one. Nobody is there
-- twice.
-- Gives `done`; after the queue's view the generation, how many were admitted from the line, the number
-- that the queue is to be listed under as busy where it is not; and a text with a record for each person,
-- in the order in which they were asked about (`tell`).
--
-- It is as if each had come alone, one after the other.
local members = {}
for i = 3, #ARGV - 1, 4 do
  members[#members + 1] = ARGV[i]
end

-- The member, the arrival and the generation of the ticket, and the number of the n-th of them.
local function person(n)
  local i = 4 * n - 1
  return ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], tonumber(ARGV[i + 3])
end

-- The place of each who has one. All are read before anything is written. What is kept under a name of ours
-- and is no place of ours is none: nobody else may have to pay for it.
local active_places = call('HMGET', PLACES, unpack(members))
local waiting_arrivals = call('ZMSCORE', WAITING, unpack(members))
local places = {}
for n = 1, #members do
  places[n] = false
  if is_place(active_places[n]) then
    local arrival, admitted_at, claimed_at, ends_at = unpack_place(active_places[n])
    ends_at = ends_at or math.max(admitted_at, serving_since) + terms.claim_ttl
    places[n] = { arrival = arrival, admitted_at = admitted_at, claimed_at = claimed_at, ends_at = ends_at }
  elseif waiting_arrivals[n] then
    places[n] = { arrival = tonumber(waiting_arrivals[n]), waits = true }
  end
end

-- How many wait.
local in_line = call('ZCARD', WAITING)

-- Who was heard of, each after the instant.
local heard = {}

-- A sign of life.
local function heard_of(member)
  heard[#heard + 1] = now
  heard[#heard + 1] = member
end

-- The place that a ticket of before a loss brings back, where it may.
local function come_back(member, arrival, generation)
  if not may_come_back(member, generation) then
    return nil
  end
  in_line = in_line + 1
  return take_back(member, arrival)
end

-- The place that the ticket of the n-th is good for, got back where it may be; nil where it is gone.
local function place_of_ticket(n)
  local member, arrival, generation = person(n)
  local place = places[n]
  if not place then
    return come_back(member, arrival, generation)
  elseif place.arrival ~= arrival then
    return nil
  elseif place.waits then
    heard_of(member)
  end
  return place
end

-- What came of it, as people.rs reads it.
local GONE, PLACE, JOINED, CLOSED, SOLD_OUT, FULL, LEFT_IT = 0, 1, 2, 3, 4, 5, 6

local records = {}

-- What the n-th is told, in 26 bytes: what came of it; 0 without a place, 1 for who waits, 2 for who is
-- active, 3 for who has claimed that; then three whole numbers: the arrival, and for who waits the position
-- and how many are behind, for who is active since when and until when.
local function tell(n, came, place)
  local standing, arrival, one, other = 0, 0, 0, 0
  if place then
    arrival = place.arrival
    if place.waits then
      local ahead = place.ahead or call('ZRANK', WAITING, members[n])
      standing, one, other = 1, ahead + 1, in_line - ahead - 1
    else
      standing, one, other = place.claimed_at and 3 or 2, place.admitted_at, place.ends_at
    end
  end
  records[n] = struct.pack('<BBi8i8i8', came, standing, arrival, one, other)
end

-- Ends a script: everybody was told.
local function all_told(to_list)
  if #heard > 0 then
    may_end_at(now + terms.waiting_ttl)
    call('ZADD', HEARD, unpack(heard))
  end
  local told = answer('done')
  told[7], told[8], told[9], told[10] = terms.generation, admitted, to_list or false, table.concat(records)
  return told
end
