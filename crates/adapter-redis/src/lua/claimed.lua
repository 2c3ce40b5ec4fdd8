-- Shows what is kept of the active places of people, and changes nothing: enough to tell where a place is
-- that was claimed, many times cheaper than look_up.lua and pass_gate.lua.
--
-- ARGV: from 2 on the members, up to the server's name.
-- Gives `claimed`; after the queue's view the generation, and what PLACES keeps of each, in their order.
local reply = answer('claimed')
reply[7] = terms.generation
reply[8] = call('HMGET', PLACES, unpack(ARGV, 2, #ARGV - 2))
return reply
