-- Gives the store a queue and its policy.
--
-- KEYS, ARGV[1] and ARGV[2] as in queue.lua. ARGV: 3 the policy's version, 4 the generation for a store
-- that has none, 5 how long to recover then (empty: not at all), and the policy: 6 state, 7 opens_at,
-- 8 admit, 9 interval, 10 max_active, 11 max_waiting, 12 waiting_ttl, 13 claim_ttl, 14 active_ttl, each
-- empty where there is none; 15 after how long a silence a queue counts as out of service.
-- Gives `taken` with 1 where the queue recovers from now, else 0; or `has_newer` with its version.
local call = redis.call
local QUEUE = KEYS[1]
local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2] + ARGV[1]

local stored = call('HMGET', QUEUE, 'version', 'terms')
if stored[2] and tonumber(stored[1]) >= tonumber(ARGV[3]) then
  return { 'has_newer', now, stored[1] }
end

local terms = {
  generation = ARGV[4],
  state = ARGV[6],
  opens_at = tonumber(ARGV[7]),
  admit = tonumber(ARGV[8]),
  interval = tonumber(ARGV[9]),
  max_active = tonumber(ARGV[10]),
  max_waiting = tonumber(ARGV[11]),
  waiting_ttl = tonumber(ARGV[12]),
  claim_ttl = tonumber(ARGV[13]),
  active_ttl = tonumber(ARGV[14]),
  longest_silence = tonumber(ARGV[15]),
}
-- The policy applies at once: the window that runs keeps its start and count, and takes the new length.
local function change_window()
  local window = call('HMGET', QUEUE, 'window_start', 'window_interval', 'window_admitted')
  local start, interval, admitted = tonumber(window[1]), tonumber(window[2]), tonumber(window[3])
  if not start or not terms.interval then
    return
  end
  start, admitted = window_at(now, start, interval, admitted)
  start, admitted = window_at(now, start, terms.interval, admitted)
  call('HSET', QUEUE, 'window_start', start, 'window_interval', terms.interval, 'window_admitted', admitted)
end

if stored[2] then
  local before = cmsgpack.unpack(stored[2])
  terms.generation = before.generation
  terms.recovering_until, terms.comeback_until = before.recovering_until, before.comeback_until
  call('HSET', QUEUE, 'version', ARGV[3], 'terms', cmsgpack.pack(terms))
  change_window()
  -- Lives may be shorter now.
  call('HDEL', QUEUE, 'ends_from')
  return { 'taken', now, 0 }
end

local recovery = tonumber(ARGV[5])
if recovery then
  terms.recovering_until = now + recovery
  terms.comeback_until = terms.recovering_until + terms.waiting_ttl
end
-- Whatever is left of a queue whose hash is gone would contradict the new one.
call('UNLINK', unpack(KEYS))
call('HSET', QUEUE, 'version', ARGV[3], 'terms', cmsgpack.pack(terms),
  'serving_since', now, 'last_tick', now)
return { 'taken', now, recovery and 1 or 0 }
