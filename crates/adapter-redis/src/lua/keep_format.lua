-- Notes the format of all keys, unless one is noted.
--
-- KEYS: 1 the key with the format.
-- Returns the format that is noted.
redis.call('SET', KEYS[1], FORMAT, 'NX')
return redis.call('GET', KEYS[1])
