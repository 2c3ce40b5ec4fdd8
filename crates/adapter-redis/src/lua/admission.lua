-- How many may be admitted now. Mirrors model/queue/admission.rs and window.rs.

-- What the running window still lets in. It is started, or moved on, by this look at it.
local function room_in_window()
  local window = call('HMGET', QUEUE, 'window_start', 'window_interval', 'window_admitted')
  local start, interval, admitted = tonumber(window[1]), tonumber(window[2]), tonumber(window[3])
  local started, length = start, interval
  if not start then
    start, interval, admitted = now, terms.interval, 0
  end
  start, admitted = window_at(now, start, interval, admitted)
  if interval ~= terms.interval then
    -- A window of an older program, which left changes of the interval to its end.
    interval = terms.interval
    start, admitted = window_at(now, start, interval, admitted)
  end
  if start ~= started or interval ~= length then
    call('HSET', QUEUE, 'window_start', start, 'window_interval', interval, 'window_admitted', admitted)
  end
  return terms.admit - admitted
end

-- How many may be admitted in this state. Asked only where there is somebody to admit: it starts the
-- first window.
local function room(state)
  if state == 'bypass' then
    return math.huge
  elseif state ~= 'open' then
    return 0
  end
  local free = math.huge
  if terms.admit then
    free = room_in_window()
  end
  if terms.max_active then
    local active = call('ZCARD', ACTIVE) + call('ZCARD', UNCLAIMED)
    free = math.min(free, terms.max_active - active)
  end
  return math.max(free, 0)
end

-- Counts so many as admitted: the limits of open alone count them.
local function count_in_window(state, admitted)
  if state == 'open' and terms.admit then
    call('HINCRBY', QUEUE, 'window_admitted', admitted)
  end
end
