-- Removes a queue from the list of busy queues, unless it was listed again under a later number.
--
-- KEYS: 1 the list. ARGV: 1 the concert, 2 the number.
local listing = redis.call('ZSCORE', KEYS[1], ARGV[1])
if listing and tonumber(listing) <= tonumber(ARGV[2]) then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return {}
