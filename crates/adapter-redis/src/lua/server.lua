-- Finds what the store may have lost, before anything else of a script that may change the queue. Mirrors
-- model/queue/servers.rs (Servers) and model/queue/reentry.rs (QueueTerms::find_losses).
--
-- ARGV[#ARGV - 1] is the server's name, empty where it gives none. The queue's hash has the current server as
-- `server` and the ones before as `servers`, each with the instant until which it was the current one.
local SERVERS_MAX = 8

-- After so long without a recorded tick the store may have been replaced by an older copy.
local SILENCE = 60000000

local function change_server(name)
  local packed = call('HGET', QUEUE, 'servers')
  local former = packed and cmsgpack.unpack(packed) or {}
  local takes_turns = false
  for n = #former, 1, -1 do
    if former[n][1] == name then
      if now < former[n][2] + terms.waiting_ttl / 2 then
        -- It is one of several that take turns, and was recorded a moment ago.
        return
      end
      takes_turns = now < former[n][2] + terms.waiting_ttl
      table.remove(former, n)
    end
  end
  former[#former + 1] = { found[11], now }
  if #former == SERVERS_MAX then
    table.remove(former, 1)
  end
  call('HSET', QUEUE, 'server', name, 'servers', cmsgpack.pack(former))
  if not takes_turns then
    open_gap()
  end
end

local server = ARGV[#ARGV - 1]
if server ~= '' and not found[11] then
  call('HSET', QUEUE, 'server', server)
elseif server ~= '' and server ~= found[11] then
  change_server(server)
end

-- Finds the end of a silence, once. Ticks of a queue without places do not ask: they record nothing.
local function end_silence()
  local last_found = #gaps > 0 and gaps[#gaps].found_at
  if now > last_tick + SILENCE and (not last_found or last_found <= last_tick) then
    open_gap_after_silence()
  end
end
