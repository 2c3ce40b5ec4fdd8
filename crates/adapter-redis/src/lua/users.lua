-- The users that a script is about, their places, and what the answer says of each.
--
-- ARGV: from 2 on, four for each user, up to the server's name: the member; arrival and generation of the
-- ticket that is shown, empty without one; and a number, where the script wants one. No user is there twice.
-- Returns `done`; after the queue's view the generation, how many were admitted from the line, the number
-- that the queue is to be listed under as busy where it is not; and a text with a record for each user, in
-- the order in which they were asked about (`tell`).
--
-- It is as if each had come alone, one after the other.
local members = {}
for i = 2, #ARGV - 2, 4 do
  members[#members + 1] = ARGV[i]
end

-- The member, the arrival and the generation of the ticket, and the number of the n-th of them.
local function user(n)
  local i = 4 * n - 2
  return ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], tonumber(ARGV[i + 3])
end

-- The place of each user who has one, and the place past its end of each whose place no tick has removed
-- yet. All are read before anything is written. What is kept under a name of ours and is no place of ours is
-- none: no other user may have to pay for it.
local active_places = call('HMGET', PLACES, unpack(members))
local waiting_arrivals = call('ZMSCORE', WAITING, unpack(members))
local heartbeats = waiting_cutoff and call('ZMSCORE', HEARD, unpack(members)) or {}
local places, expired_places = {}, {}
for n = 1, #members do
  local place, is_over = false, false
  if is_place(active_places[n]) then
    local arrival, admitted_at, claimed_at, ends_at = unpack_place(active_places[n])
    ends_at = ends_at or claim_end(admitted_at)
    place = { arrival = arrival, admitted_at = admitted_at, claimed_at = claimed_at, ends_at = ends_at }
    is_over = ends_at <= now
  elseif waiting_arrivals[n] then
    place = { arrival = tonumber(waiting_arrivals[n]), waits = true }
    local heartbeat = tonumber(heartbeats[n])
    is_over = heartbeat and heartbeat <= waiting_cutoff
  end
  places[n] = not is_over and place
  expired_places[n] = is_over and place
end

-- How many waiting places there are, with those past their end that no tick has removed.
local in_line = call('ZCARD', WAITING)

-- The heartbeats of waiting users: the instant and the member of each.
local heard = {}

local function heartbeat(member, arrival)
  heard[#heard + 1] = now
  heard[#heard + 1] = member
  return_to_line(member, arrival)
end

-- True once a user has re-entered.
local reentered = false

-- Puts `member`, whose ticket re-enters, back into the line. New joins come after every arrival seen.
local function reenter(member, arrival, generation)
  serve_first_place()
  if generation == terms.generation then
    confirm_loss(arrival)
  end
  if last_arrival < arrival then
    last_arrival = arrival
    call('HSET', QUEUE, 'last_arrival', arrival)
  end
  may_end_at(now + terms.waiting_ttl)
  call('ZADD', HEARD, now, member)
  call('ZADD', WAITING, arrival, member)
  return_to_line(member, arrival)
  in_line, reentered = in_line + 1, true
  return { arrival = arrival, waits = true }
end

-- Removes a place, in time or past its end.
local function remove_place(member, place)
  remember_ends({ member })
  if place.waits then
    remove_from_line({ member })
    in_line = in_line - 1
  else
    call('ZREM', ACTIVE, member)
    call('ZREM', UNCLAIMED, member)
    call('HDEL', PLACES, member)
  end
end

-- The place that the ticket of the n-th user is good for; nil where it is gone. Counts as a heartbeat.
local function place_of_ticket(n)
  local member, arrival, generation = user(n)
  local place = places[n]
  if expired_places[n] then
    return nil
  elseif not place then
    return may_reenter(member, arrival, generation) and reenter(member, arrival, generation) or nil
  elseif place.arrival ~= arrival then
    return nil
  elseif place.waits then
    heartbeat(member, arrival)
  end
  return place
end

-- What came of it, as user_requests.rs reads it.
local GONE, PLACE, JOINED, CLOSED, SOLD_OUT, FULL, LEFT_IT, SALE_OVER = 0, 1, 2, 3, 4, 5, 6, 7

local records = {}

-- The answer about the n-th user, in 26 bytes: what came of it; 0 without a place, 1 for a waiting place, 2
-- for an active one, 3 for a claimed one; then three whole numbers: the arrival, and of a waiting place the
-- position and how many are behind, of an active one since when and until when.
local function reply_to(n, came, place)
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

-- Ends a script that has reply every user. A queue in which users `joined` or re-entered is listed as busy.
local function reply_to_all(joined)
  if #heard > 0 then
    may_end_at(now + terms.waiting_ttl)
    call('ZADD', HEARD, unpack(heard))
  end
  local reply = answer('done')
  local to_list = (joined or reentered) and listing % 2 == 0 and listing + 1
  reply[7], reply[8], reply[9], reply[10] = terms.generation, admitted, to_list or false, table.concat(records)
  return reply
end
