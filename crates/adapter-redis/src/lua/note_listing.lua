-- Records that the queue is listed as busy under this number, unless its number has moved on.
--
-- KEYS: 1 the queue's hash. ARGV: 1 the number.
local listing = tonumber(redis.call('HGET', KEYS[1], 'listing')) or 0
if listing == ARGV[1] - 1 then
  redis.call('HSET', KEYS[1], 'listing', ARGV[1])
end
return {}
