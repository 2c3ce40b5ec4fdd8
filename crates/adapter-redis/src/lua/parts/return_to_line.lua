-- The return of a user who stood aside. Mirrors model/queue/head_decision.rs (HeadDecision).

-- Makes a user who has just sent a heartbeat next in line if admission has passed them.
local function return_to_line(member, arrival)
  if arrival <= passed_to then
    call('ZADD', RETURNED, arrival, member)
  end
end
