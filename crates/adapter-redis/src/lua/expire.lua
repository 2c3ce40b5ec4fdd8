-- Removes places that are past their end.
--
-- ARGV: 3 how many at most.
-- Gives `ticked` with the report, which counts as if all of them were removed.
serve()
local limit = tonumber(ARGV[3])
local ended = settle(limit)
local past = count_past(HEARD, last_unheard()) + count_past(UNCLAIMED, last_unclaimed()) + count_past(ACTIVE, now)
return report(ended, past > 0)
