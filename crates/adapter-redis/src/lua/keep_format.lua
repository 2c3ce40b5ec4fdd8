-- Records the format of all keys, unless one is recorded that this program does not know. The
-- former format is replaced.
--
-- KEYS: 1 the key with the format.
-- Returns the format that is recorded.
if redis.call('GET', KEYS[1]) == FORMER_FORMAT then
  redis.call('SET', KEYS[1], FORMAT)
end
redis.call('SET', KEYS[1], FORMAT, 'NX')
return redis.call('GET', KEYS[1])
