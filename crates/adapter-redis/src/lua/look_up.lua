-- Where a place is. A sign of life.
--
-- ARGV: 3 the member, 4 and 5 arrival and generation of the ticket.
-- Gives `found` with the place, or `gone`.
local member = ARGV[3]
local place = place_of_ticket(member, tonumber(ARGV[4]), ARGV[5])
if not place then
  return { 'gone', now }
end
return answer_place('found', member, place)
