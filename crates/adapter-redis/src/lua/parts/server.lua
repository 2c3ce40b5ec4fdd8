-- Finds losses of last writes, before anything else in a script that may change the queue. Mirrors
-- model/queue/servers.rs (Servers) and model/queue/reentry.rs (QueueTerms::find_losses).
--
-- ARGV[#ARGV - 1] is the name of the server, empty if it gives none. The hash of the queue has the
-- current server in `server` and the earlier ones in `servers`, each with the instant until which
-- it was the current one.
local SERVERS_MAX = 8

-- After this time without a recorded tick, in microseconds, the store may have been replaced by an
-- older copy.
local SILENCE = 60000000

local function change_server(name)
  local packed = call('HGET', QUEUE, 'servers')
  local earlier = packed and cmsgpack.unpack(packed) or {}
  local takes_turns = false
  for n = #earlier, 1, -1 do
    if earlier[n][1] == name then
      if now < earlier[n][2] + terms.waiting_ttl / 2 then
        -- The server is one of several that take turns, and was recorded a short time ago.
        return
      end
      takes_turns = now < earlier[n][2] + terms.waiting_ttl
      table.remove(earlier, n)
    end
  end
  earlier[#earlier + 1] = { fields[11], now }
  if #earlier == SERVERS_MAX then
    table.remove(earlier, 1)
  end
  call('HSET', QUEUE, 'server', name, 'servers', cmsgpack.pack(earlier))
  if not takes_turns then
    open_gap()
  end
end

local server = ARGV[#ARGV - 1]
if server ~= '' and not fields[11] then
  call('HSET', QUEUE, 'server', server)
elseif server ~= '' and server ~= fields[11] then
  change_server(server)
end

-- Opens the gap of a silence that ends with this call, once per silence. Ticks of a queue without
-- places do not call this, because they record nothing.
local function end_silence()
  local last_found = #gaps > 0 and gaps[#gaps].found_at
  if now > last_tick + SILENCE and (not last_found or last_found <= last_tick) then
    open_gap_after_silence()
  end
end
