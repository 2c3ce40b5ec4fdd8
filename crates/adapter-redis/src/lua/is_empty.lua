-- Whether nobody has a place, and nobody can bring one back from before a loss.
--
-- Gives `empty` with 1 or 0.
local waiting, active = counts()
local empty = waiting + active == 0 and not takes_people_back()
return { 'empty', now, empty and 1 or 0 }
