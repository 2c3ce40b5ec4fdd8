-- Removes expired places.
--
-- ARGV: 2 the most places to remove.
-- Returns `ticked` with the report (parts/tick.lua).
local limit = tonumber(ARGV[2])
local removed = expire_waiting(limit)
removed = removed + expire_active(UNCLAIMED, unclaimed_cutoff, limit - removed)
removed = removed + expire_active(ACTIVE, claimed_cutoff, limit - removed)
local over = count_over(HEARD, waiting_cutoff) + count_over(UNCLAIMED, unclaimed_cutoff)
  + count_over(ACTIVE, claimed_cutoff)
return report(removed, over > 0, removed > 0)
