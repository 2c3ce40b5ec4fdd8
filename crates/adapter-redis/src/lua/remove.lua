-- Removes a queue that is closed and in which no user has a place.
--
-- Returns `removed`, `not_closed` or `not_empty`.
if terms.state ~= 'closed' then
  return { 'not_closed', now }
end
local waiting, active = counts()
if waiting + active > 0 then
  return { 'not_empty', now }
end
call('UNLINK', unpack(KEYS))
return { 'removed', now }
