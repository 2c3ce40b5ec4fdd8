-- The check whether any user waits for their turn.

-- The maximum number of heads that are read to find one that is not expired.
local HEADS_MAX = 500

-- Returns true if a place of `key` from this rank on is not expired, or if there are more than
-- HEADS_MAX of them.
local function any_unexpired(key, first)
  local heads = call('ZRANGE', key, first, first + HEADS_MAX)
  if #heads == 0 or #heads > HEADS_MAX then
    return #heads > 0
  end
  for _, heartbeat in ipairs(call('ZMSCORE', HEARD, unpack(heads))) do
    heartbeat = tonumber(heartbeat)
    if heartbeat and heartbeat > waiting_cutoff then
      return true
    end
  end
  return false
end

-- Returns true if any of the `in_line` users in the line waits for their turn. Users who stand
-- aside do not. `waiting` of the places are not expired. Expired places may belong to users who
-- stand aside or to others: the two are distinguished only if the counts do not decide.
local function has_line(in_line, waiting)
  local passed, aside = count_passed()
  local expired, heads = in_line - waiting, in_line - aside
  if waiting == 0 or heads == 0 then
    return false
  end
  return heads > expired or any_unexpired(RETURNED, 0) or any_unexpired(WAITING, passed)
end
