-- The room for admissions. Mirrors model/queue/admission.rs and model/queue/window.rs.

-- Returns the number of users whom the running window still admits. Starts the first window, or
-- moves on to the running one.
local function room_in_window()
  local window = call('HMGET', QUEUE, 'window_start', 'window_interval', 'window_admitted')
  local start, interval, admitted = tonumber(window[1]), tonumber(window[2]), tonumber(window[3])
  local started, length = start, interval
  if not start then
    start, interval, admitted = now, terms.interval, 0
  end
  start, admitted = window_at(now, start, interval, admitted)
  if interval ~= terms.interval then
    -- An older program wrote this window: it applied a change of the interval only at the end of
    -- the window.
    interval = terms.interval
    start, admitted = window_at(now, start, interval, admitted)
  end
  if start ~= started or interval ~= length then
    call('HSET', QUEUE, 'window_start', start, 'window_interval', interval,
      'window_admitted', admitted)
  end
  return terms.admit - admitted
end

-- Returns the number of users who may be admitted in this state besides the active ones. Called
-- only for an attempt to admit a user, because it starts the first window.
local function room(state, active)
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
    free = math.min(free, terms.max_active - active)
  end
  return math.max(free, 0)
end

-- Counts `count` admitted users in the window. Only admissions in the state open under a throughput
-- count.
local function count_in_window(state, count)
  if count > 0 and state == 'open' and terms.admit then
    call('HINCRBY', QUEUE, 'window_admitted', count)
  end
end
