-- Returns the stored active places of users, and changes nothing. That is enough to answer a
-- request for a claimed place, and many times cheaper than look_up.lua and pass_gate.lua.
--
-- ARGV: from 2 on the members, up to the server's name.
-- Returns `claimed`; after the view of the queue the generation, and the value in PLACES of each
-- member, in their order.
local reply = new_reply('claimed')
reply[7] = terms.generation
reply[8] = call('HMGET', PLACES, unpack(ARGV, 2, #ARGV - 2))
return reply
