-- Seeds the store with a queue and its policy. Mirrors model/queue/terms.rs (QueueTerms::new,
-- QueueTerms::take) and model/queue/reentry.rs (ReentryPeriod::begin).
--
-- KEYS and ARGV[1] as in parts/queue.lua. ARGV: 2 the version of the policy, 3 the generation for a
-- store that does not have the queue, 4 the length of the recovery then (empty for none), and the
-- policy:
-- 5 state, 6 opens_at, 7 admit, 8 interval, 9 max_active, 10 max_waiting, 11 waiting_ttl,
-- 12 claim_ttl, 13 active_ttl, each empty if the policy has none; 14 the time without ticks after
-- which an outage begins; 15 the time without a heartbeat after which users are absent, empty if
-- never; 16 the last near position; 17 the arrival up to which users were served before a loss,
-- empty if it is not known; 18 the name of the server, empty if it gives none.
-- Returns `taken` with 1 and the number under which the queue is to be listed as busy if a recovery
-- begins now, and otherwise with 0; or `has_newer` with the stored version; or `other_format` with
-- the stored format.
local call = redis.call
local QUEUE = KEYS[1]
local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2] + ARGV[1]

local stored = call('HMGET', QUEUE, 'version', 'terms', 'format')
local format = stored[3]
if format and format ~= FORMAT and format ~= FORMER_FORMAT then
  return { 'other_format', now, format }
end

-- The number of the queue's entry in the list of busy queues: even while it is not listed. It
-- starts above every number that an earlier queue under these keys had, whose entry may still be
-- listed.
local listing = now - now % 2

if stored[2] and format ~= FORMAT then
  -- A queue of the former format. Its keys have the same meaning, and no user stood aside.
  local old = cmsgpack.unpack(stored[2])
  old.absent_after, old.near = tonumber(ARGV[15]), tonumber(ARGV[16])
  stored[2] = cmsgpack.pack(old)
  call('HSET', QUEUE, 'format', FORMAT, 'terms', stored[2], 'listing', listing)
  -- Users who re-entered after admission had passed them are next in line.
  local passed_to = tonumber(call('HGET', QUEUE, 'admitted_up_to'))
  if passed_to then
    call('ZRANGESTORE', KEYS[9], KEYS[2], '-inf', passed_to, 'BYSCORE')
  end
  -- The former format remembered users whose place ended without its arrival, under another key of
  -- the same slot.
  call('UNLINK', (string.gsub(KEYS[7], '_at$', '')))
end
if stored[2] and tonumber(stored[1]) >= tonumber(ARGV[2]) then
  return { 'has_newer', now, stored[1] }
end

local terms = {
  generation = ARGV[3],
  state = ARGV[5],
  opens_at = tonumber(ARGV[6]),
  admit = tonumber(ARGV[7]),
  interval = tonumber(ARGV[8]),
  max_active = tonumber(ARGV[9]),
  max_waiting = tonumber(ARGV[10]),
  waiting_ttl = tonumber(ARGV[11]),
  claim_ttl = tonumber(ARGV[12]),
  active_ttl = tonumber(ARGV[13]),
  longest_silence = tonumber(ARGV[14]),
  absent_after = tonumber(ARGV[15]),
  near = tonumber(ARGV[16]),
}
-- Applies the policy to the window at once: the running window keeps its start and its count, and
-- takes the new length.
-- Mirrors model/queue/admission.rs (Admission::change).
local function change_window()
  local window = call('HMGET', QUEUE, 'window_start', 'window_interval', 'window_admitted')
  local start, interval, admitted = tonumber(window[1]), tonumber(window[2]), tonumber(window[3])
  if not start or not terms.interval then
    return
  end
  start, admitted = window_at(now, start, interval, admitted)
  start, admitted = window_at(now, start, terms.interval, admitted)
  call('HSET', QUEUE, 'window_start', start, 'window_interval', terms.interval,
    'window_admitted', admitted)
end

if stored[2] then
  local old = cmsgpack.unpack(stored[2])
  terms.generation = old.generation
  terms.recovering_until, terms.comeback_until = old.recovering_until, old.comeback_until
  terms.served_up_to = old.served_up_to
  call('HSET', QUEUE, 'version', ARGV[2], 'terms', cmsgpack.pack(terms))
  change_window()
  -- Places may have earlier deadlines now.
  call('HDEL', QUEUE, 'ends_from')
  return { 'taken', now, 0 }
end

local recovery = tonumber(ARGV[4])
if recovery then
  terms.recovering_until = now + recovery
  terms.comeback_until = terms.recovering_until + terms.waiting_ttl
  terms.served_up_to = tonumber(ARGV[17])
end
-- Other keys that remain of a queue whose hash is lost would contradict the new queue.
call('UNLINK', unpack(KEYS))
call('HSET', QUEUE, 'version', ARGV[2], 'terms', cmsgpack.pack(terms),
  'serving_since', now, 'last_tick', now, 'format', FORMAT, 'listing', listing,
  'last_arrival', now - 1)
if ARGV[18] ~= '' then
  call('HSET', QUEUE, 'server', ARGV[18])
end
return { 'taken', now, recovery and 1 or 0, listing + 1 }
