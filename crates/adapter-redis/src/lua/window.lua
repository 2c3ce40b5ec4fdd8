-- The admission window that runs now, of one with this start, length and count: its start and its count.
-- Mirrors model/queue/window.rs.
local function window_at(now, start, interval, admitted)
  if now < start then
    -- The clock stepped back: the window starts again, with its count kept.
    return now, admitted
  elseif now < start + interval then
    return start, admitted
  end
  return start + math.floor((now - start) / interval) * interval, 0
end
