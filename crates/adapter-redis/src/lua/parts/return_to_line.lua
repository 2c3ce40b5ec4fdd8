-- How a user who stood aside is next in line again. Mirrors model/queue/turn.rs (HeadDecision).

-- Makes a user who has just sent a heartbeat next in line if admission has passed them.
local function return_to_line(member, arrival)
  if arrival <= passed_to then
    call('ZADD', RETURNED, arrival, member)
  end
end
