-- Says whether every seat is sold, of a queue that there is.
--
-- KEYS: 1 the queue's hash. ARGV: 1 is 1 or 0.
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'sold_out', ARGV[1])
end
return {}
