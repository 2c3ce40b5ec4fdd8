-- Records which server keeps the queue, before anything else of a script that may change it. Mirrors
-- model/queue/servers.rs (Servers) and model/queue/terms.rs (QueueTerms::kept_by).
--
-- ARGV[#ARGV - 1] is the server's name, empty where it gives none. The queue's hash has the current server as
-- `server` and the ones before as `servers`, each with the instant until which it was the current one.
local SERVERS_MAX = 8

local function change_server(name)
  local packed = call('HGET', QUEUE, 'servers')
  local former = packed and cmsgpack.unpack(packed) or {}
  former[#former + 1] = { found[11], now }
  local takes_turns = false
  for n = #former, 1, -1 do
    if former[n][1] == name then
      takes_turns = now < former[n][2] + terms.waiting_ttl
      table.remove(former, n)
    end
  end
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
