-- Removes expired places.
--
-- ARGV: 2 the maximum number of places to remove.
-- Returns `ticked` with the report (parts/tick.lua).
local limit = tonumber(ARGV[2])
local removed = expire_waiting(limit)
removed = removed + expire_active(UNCLAIMED, unclaimed_cutoff, limit - removed)
removed = removed + expire_active(ACTIVE, claimed_cutoff, limit - removed)
local expired = count_expired(HEARD, waiting_cutoff) + count_expired(UNCLAIMED, unclaimed_cutoff)
  + count_expired(ACTIVE, claimed_cutoff)
return report(removed, expired > 0, removed > 0)
