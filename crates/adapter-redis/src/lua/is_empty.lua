-- Checks whether the queue is empty: no user has a place or can re-enter.
--
-- Returns `empty` with 1 if it is, else with 0.
local waiting, active = counts()
local empty = waiting + active == 0 and not accepts_reentry()
return { 'empty', now, empty and 1 or 0 }
