-- Records the sale of a queue that exists, unless a newer count is recorded. Mirrors
-- model/queue/sale.rs (SaleCount::newer).
--
-- KEYS: 1 the queue's hash, whose field sold_out has the number of the sale.
-- ARGV: 1 the number of the sale (SaleState::number in model/queue/sale.rs), 2 the instant of the
-- count, in microseconds since 1970.
local stored = redis.call('HMGET', KEYS[1], 'version', 'sold_out_counted_at')
local counted_at = tonumber(stored[2])
if stored[1] and not (counted_at and tonumber(ARGV[2]) < counted_at) then
  redis.call('HSET', KEYS[1], 'sold_out', ARGV[1], 'sold_out_counted_at', ARGV[2])
end
return {}
