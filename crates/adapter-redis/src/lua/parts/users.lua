-- The users of a call, their places, and the reply about each.
--
-- ARGV: from 2 on, four for each user, up to the server's name: the member; arrival and generation
-- of the ticket, empty without one; and a number whose meaning depends on the script, empty if it
-- takes none.
-- Returns `done`; after the view of the queue the generation, the number of users admitted from the
-- line, and the number under which the queue is to be listed as busy, false if it need not be; then
-- a string with a record for each user, in the order of ARGV (`set_record`).
--
-- The result is that of single calls, one for each user, in the order of ARGV. This holds only if
-- each user is named once in a call: all places are read before the first write, so a second entry
-- would not see what the first one changed. The batches of requests have each user once. Two
-- scripts allow a user twice: record_heartbeats.lua, which removes no place and reads the last
-- heartbeat again before it replaces it, and peek.lua, which changes nothing.
local members = {}
for i = 2, #ARGV - 2, 4 do
  members[#members + 1] = ARGV[i]
end

-- Returns the member, the arrival and the generation of the ticket, and the number of the n-th
-- user.
local function user(n)
  local i = 4 * n - 2
  return ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], tonumber(ARGV[i + 3])
end

-- The place of each user who has one, and the expired place of each user whose place no tick has
-- removed yet. All are read before the first write. A value in PLACES that this program did not
-- write counts as no place, so that it does not fail the call for the other users.
local active_places = call('HMGET', PLACES, unpack(members))
local waiting_arrivals = call('ZMSCORE', WAITING, unpack(members))
local heartbeats = waiting_cutoff and call('ZMSCORE', HEARD, unpack(members)) or {}
local places, expired_places = {}, {}
for n = 1, #members do
  local place, is_expired = false, false
  if is_place(active_places[n]) then
    local arrival, admitted_at, claimed_at, ends_at = unpack_place(active_places[n])
    ends_at = ends_at or claim_end(admitted_at)
    place = {
      arrival = arrival, admitted_at = admitted_at, claimed_at = claimed_at, ends_at = ends_at,
    }
    is_expired = ends_at <= now
  elseif waiting_arrivals[n] then
    place = { arrival = tonumber(waiting_arrivals[n]), waits = true }
    local heartbeat = tonumber(heartbeats[n])
    is_expired = heartbeat and heartbeat <= waiting_cutoff
  end
  places[n] = not is_expired and place
  expired_places[n] = is_expired and place
end

-- The number of waiting places, including expired ones that no tick has removed.
local in_line = call('ZCARD', WAITING)

-- The heartbeats to record: instant and member of each, alternating.
local new_heartbeats = {}

local function record_heartbeat(member, arrival)
  new_heartbeats[#new_heartbeats + 1] = now
  new_heartbeats[#new_heartbeats + 1] = member
  return_to_line(member, arrival)
end

-- True once a user has re-entered in this call.
local reentered = false

-- Puts `member`, whose ticket re-enters, back into the line and returns the place. New joins get
-- arrivals after every arrival of a ticket that re-entered.
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

-- Removes a place, expired or not.
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

-- Returns the place of the n-th user's ticket, which may re-enter; nil if it is gone. Records a
-- heartbeat.
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
    record_heartbeat(member, arrival)
  end
  return place
end

-- The outcomes, with the numbers of ReplyCode in user_requests.rs.
local GONE, PLACE, JOINED, CLOSED, SOLD_OUT, FULL, LEFT_IT, SALE_OVER = 0, 1, 2, 3, 4, 5, 6, 7

local records = {}

-- Sets the record of the n-th user, in 26 bytes: the outcome; 0 without a place, 1 for a waiting
-- place, 2 for an active unclaimed one, 3 for a claimed one; then three whole numbers: the arrival,
-- and for a waiting place the position and the number of users behind, for an active place the
-- admission and the deadline.
local function set_record(n, outcome, place)
  local standing, arrival, first, second = 0, 0, 0, 0
  if place then
    arrival = place.arrival
    if place.waits then
      local ahead = place.ahead or call('ZRANK', WAITING, members[n])
      standing, first, second = 1, ahead + 1, in_line - ahead - 1
    else
      standing, first, second = place.claimed_at and 3 or 2, place.admitted_at, place.ends_at
    end
  end
  records[n] = struct.pack('<BBi8i8i8', outcome, standing, arrival, first, second)
end

-- Records the heartbeats and returns the reply. Every user must have a record. If any user joined
-- or re-entered, the reply asks for the queue to be listed as busy unless it is listed.
local function batch_reply(any_joined)
  if #new_heartbeats > 0 then
    may_end_at(now + terms.waiting_ttl)
    call('ZADD', HEARD, unpack(new_heartbeats))
  end
  local reply = new_reply('done')
  local new_listing = (any_joined or reentered) and listing % 2 == 0 and listing + 1
  reply[7], reply[8] = terms.generation, admitted
  reply[9], reply[10] = new_listing or false, table.concat(records)
  return reply
end
