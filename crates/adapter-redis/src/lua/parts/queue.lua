-- The first part of every script that takes all keys of a queue, except SEED: the keys, the clock,
-- and the queue terms.
--
-- KEYS are the same for all of these scripts and for SEED, and are in one slot (keys.rs):
--   1 queue      hash: the format, the terms (seed.lua), the running window, counters, the latest
--                arrivals that were admitted from the line and as their users joined
--   2 waiting    sorted set: waiting users by arrival
--   3 heard      sorted set: waiting users by last heartbeat
--   4 active     sorted set: active users with a claimed place, by deadline
--   5 unclaimed  sorted set: active users with an unclaimed place, by admission. The deadline
--                follows from it, and changes for all of them with the policy or after an outage
--   6 places     hash: for each active place its arrival, its admission and, once claimed, its
--                claim and its deadline
--   7 ended_at   sorted set: users whose place is gone since a loss, by the arrival of that place,
--                kept while re-entry is possible
--   8 left       list: the last departures, as arrivals, the latest last
--   9 returned   sorted set: waiting users whom admission has passed and who are next in line, by
--                arrival: those who stood aside and have sent a heartbeat since, and those who
--                re-entered. Users whom admission has passed and who are not in it stand aside
-- ARGV[1] is added to the clock of the server (0 in production). The last two are the name of the
-- server (server.lua) and the number of the call (scripts.rs). All times are in microseconds, and
-- instants count from 1970: whole numbers below 2^53, which a double keeps exactly. FORMAT is the
-- format number of the keys (scripts.rs).
-- Returns `other_format` with the format of the queue if this program does not know it, or
-- `unknown` if the store does not have the queue or it has to be converted by SEED.
--
-- Expired places stay until a tick removes them. Every decision about a place checks its deadline.
--
-- A script that fails undoes nothing, so everything that can fail is read before the first write.
local call = redis.call
local QUEUE, WAITING, HEARD, ACTIVE = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local UNCLAIMED, PLACES, ENDED, LEFT, RETURNED = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]

local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2] + ARGV[1]

local fields = call('HMGET', QUEUE, 'format', 'terms', 'serving_since', 'last_tick', 'sold_out',
  'admitted', 'ends_from', 'last_arrival', 'listing', 'admitted_up_to', 'server', 'gaps')
if fields[1] and fields[1] ~= FORMAT and fields[1] ~= FORMER_FORMAT then
  return { 'other_format', now, fields[1] }
elseif fields[1] ~= FORMAT or not fields[2] then
  -- A queue of an earlier version: SEED converts it.
  return { 'unknown', now }
end
local terms = cmsgpack.unpack(fields[2])
local recorded_since, last_tick = tonumber(fields[3]), tonumber(fields[4])
-- What is left to buy. Mirrors model/queue/sale.rs (SaleState::number).
local SALE_SOLD_OUT, SALE_ENDED, SALE_UNPLANNED = 1, 2, 3
local sale = tonumber(fields[5]) or 0
-- The number of users who were admitted from the line.
local admitted = tonumber(fields[6]) or 0
-- The earliest deadline that any place may have, whatever the clock does: before it no place is
-- expired. Ticks move it on.
local ends_from = tonumber(fields[7]) or 0
local last_arrival, listing = tonumber(fields[8]) or 0, tonumber(fields[9]) or 0
-- The latest arrival that admission has passed. 0, which is before every arrival, if none.
local passed_to = tonumber(fields[10]) or 0

-- The start of uninterrupted service. After an outage service starts again only now. It cannot
-- start in the future, where a clock that stepped back may have left it.
-- Mirrors model/queue/deadlines.rs (Deadlines::at).
local serving_since = recorded_since
if now > last_tick + terms.longest_silence or serving_since > now then
  serving_since = now
end

-- Records that a place may have a deadline as early as this.
local function may_end_at(instant)
  if instant < ends_from then
    ends_from = instant
    call('HSET', QUEUE, 'ends_from', instant)
  end
end

local function is_recovering()
  return terms.recovering_until and now < terms.recovering_until
end

-- Returns the effective state: the first that applies wins.
-- Mirrors model/queue/state.rs (QueueView::effective).
local function effective_state()
  if terms.state == 'closed' then
    return 'closed'
  elseif sale == SALE_ENDED then
    return 'ended'
  elseif is_recovering() then
    return 'recovering'
  elseif terms.state == 'paused' or (terms.opens_at and now < terms.opens_at)
    or sale == SALE_UNPLANNED then
    return 'paused'
  elseif sale == SALE_SOLD_OUT then
    return 'sold_out'
  end
  return terms.state
end

-- Returns the number of waiting users whom admission has passed, and the number of them who stand
-- aside.
-- Expired places count until they are removed.
local function count_passed()
  if passed_to == 0 then
    return 0, 0
  end
  local passed = call('ZCOUNT', WAITING, '-inf', passed_to)
  return passed, passed - call('ZCARD', RETURNED)
end

-- Removes users from the line.
local function remove_from_line(members)
  call('ZREM', WAITING, unpack(members))
  call('ZREM', HEARD, unpack(members))
  if passed_to > 0 then
    call('ZREM', RETURNED, unpack(members))
  end
  call('HINCRBY', QUEUE, 'departed', #members)
end

-- Returns the beginning of a reply: its word, its instant, and the view of the queue: state,
-- opens_at or false, 1 while recovering or else 0, and the number of the sale.
local function new_reply(word)
  return { word, now, terms.state, terms.opens_at or false, is_recovering() and 1 or 0, sale }
end

-- Packs an active place for PLACES: arrival, admission and, once claimed, claim and deadline.
local function pack_place(arrival, admitted_at, claimed_at, ends_at)
  if claimed_at then
    return struct.pack('<i8i8i8i8', arrival, admitted_at, claimed_at, ends_at)
  end
  return struct.pack('<i8i8', arrival, admitted_at)
end
local function is_place(packed)
  return packed and (#packed == 16 or #packed == 32)
end
local function unpack_place(packed)
  if #packed == 16 then
    local arrival, admitted_at = struct.unpack('<i8i8', packed)
    return arrival, admitted_at
  end
  return struct.unpack('<i8i8i8i8', packed)
end
