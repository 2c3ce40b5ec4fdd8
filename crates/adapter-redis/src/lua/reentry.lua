-- Re-entry into a queue that its store has lost. Mirrors model/queue/terms.rs (QueueTerms::reenters).

local function accepts_reentry()
  return terms.comeback_until and now < terms.comeback_until
end

-- Remembers that the places of these members have ended, while that can matter.
local function remember_ends(members)
  if #members > 0 and accepts_reentry() then
    call('SADD', ENDED, unpack(members))
  end
end

-- True where a ticket of this generation re-enters for `member`, who has no place.
local function may_reenter(member, generation)
  return accepts_reentry()
    and generation ~= terms.generation
    and call('SISMEMBER', ENDED, member) == 0
end
