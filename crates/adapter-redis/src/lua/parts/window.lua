-- Returns start and count of the admission window that runs at `now`, computed from an earlier
-- window with this start, length and count. Mirrors model/queue/window.rs (AdmissionWindow::at).
local function window_at(now, start, interval, admitted)
  if now < start then
    -- The clock stepped back: the window starts again and keeps its count.
    return now, admitted
  elseif now < start + interval then
    return start, admitted
  end
  return start + math.floor((now - start) / interval) * interval, 0
end
