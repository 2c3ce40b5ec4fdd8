-- Decides about the place at the head of the line, by the last heartbeat of its user. Mirrors
-- model/queue/head_decision.rs (HeadDecision::of).
local function head_decision(state, heartbeat)
  if waiting_cutoff and heartbeat <= waiting_cutoff then
    return 'remove'
  end
  -- In bypass no user stands aside.
  if state ~= 'bypass' and absent_cutoff and heartbeat < absent_cutoff then
    return 'stand_aside'
  end
  return 'admit'
end
