-- Ends a script without any change if the hash is missing or its queue has another format.
--
-- KEYS: 1 the queue's hash.
-- Returns `other_format`, 0 and the format if this program does not know it, or an empty list if
-- there is no queue in this format.
local format = redis.call('HGET', KEYS[1], 'format')
if format and format ~= FORMAT and format ~= FORMER_FORMAT then
  return { 'other_format', 0, format }
elseif format ~= FORMAT then
  return {}
end
