-- Whether any user waits for their turn.

-- How many heads past their end are looked at to find one that is not.
local HEADS_MAX = 500

-- True where one of the users of `key` from this rank on has a place that is not past its end, or where there are
-- too many to tell.
local function any_lives(key, first)
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

-- True where any of `in_line` users waits for their turn, `waiting` of whose places are not past their end. Users
-- who stand aside do not. Places past their end may be in the line and among those: only where that matters are
-- they reply apart.
local function finds_line(in_line, waiting)
  local passed, aside = count_passed()
  local over, heads = in_line - waiting, in_line - aside
  if waiting == 0 or heads == 0 then
    return false
  end
  return heads > over or any_lives(RETURNED, 0) or any_lives(WAITING, passed)
end
