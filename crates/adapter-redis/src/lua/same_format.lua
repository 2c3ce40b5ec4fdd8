-- Nothing is done to a hash that is of no queue, or of a queue in another format.
--
-- KEYS: 1 the queue's hash.
local format = redis.call('HGET', KEYS[1], 'format')
if format and format ~= FORMAT and format ~= FORMER_FORMAT then
  return { 'other_format', 0, format }
elseif format ~= FORMAT then
  return {}
end
