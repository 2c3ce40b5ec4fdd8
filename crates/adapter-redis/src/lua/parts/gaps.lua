-- Gaps: arrivals that were perhaps lost with the last writes of a server. Mirrors
-- model/queue/gaps.rs (Gaps).
--
-- Each gap has `after`, the last arrival before it; `last`, its last arrival; `found_at`, the
-- instant at which the loss was found; and `confirmed`. GAP_MARGIN is in microseconds.
local GAPS_MAX, GAP_MARGIN = 8, 5000000
local gaps = fields[12] and cmsgpack.unpack(fields[12]) or {}

local function gap_is_open(gap)
  return now < gap.found_at + terms.waiting_ttl
end

local function gap_has(gap, arrival)
  return gap.after < arrival and arrival <= gap.last
end

-- Returns the open gap that contains this arrival, so that its ticket re-enters. nil if none does.
local function gap_of(arrival)
  for _, gap in ipairs(gaps) do
    if gap_has(gap, arrival) and gap_is_open(gap) then
      return gap
    end
  end
end

-- Returns the instant until which tickets of any confirmed gap re-enter. nil if none do.
local function gaps_open_until()
  local latest
  for _, gap in ipairs(gaps) do
    if gap.confirmed and gap_is_open(gap) then
      latest = math.max(latest or 0, gap.found_at + terms.waiting_ttl)
    end
  end
  return latest
end

local function save_gaps()
  if #gaps > 0 then
    call('HSET', QUEUE, 'gaps', cmsgpack.pack(gaps))
  else
    call('HDEL', QUEUE, 'gaps')
  end
end

-- Drops the gaps that are over, without saving. Returns true if there were any.
local function forget_gaps()
  local kept = {}
  for _, gap in ipairs(gaps) do
    if gap_is_open(gap) then
      kept[#kept + 1] = gap
    end
  end
  local any_dropped = #kept < #gaps
  gaps = kept
  return any_dropped
end

-- Adds a gap, or extends the last one if the two touch and are equally confirmed. Of more than
-- GAPS_MAX gaps, drops the oldest that is not confirmed, or else the oldest.
local function push_gap(gap)
  forget_gaps()
  local before = gaps[#gaps]
  if before and gap.after <= before.last and before.confirmed == gap.confirmed then
    before.last, before.found_at = math.max(before.last, gap.last), gap.found_at
  else
    gaps[#gaps + 1] = gap
  end
  if #gaps > GAPS_MAX then
    local dropped = 1
    for n = #gaps, 1, -1 do
      if not gaps[n].confirmed then
        dropped = n
      end
    end
    table.remove(gaps, dropped)
  end
  save_gaps()
end

-- Opens the confirmed gap of a certain loss. `lost_arrival` is the arrival of the lost ticket that
-- a user showed, or nil.
local function open_gap(lost_arrival)
  local last = math.max(now, last_arrival, lost_arrival or 0) + GAP_MARGIN
  push_gap({ after = last_arrival, last = last, found_at = now, confirmed = true })
  last_arrival = last
  call('HSET', QUEUE, 'last_arrival', last)
end

-- Opens the unconfirmed gap of a silence that ends now.
local function open_gap_after_silence()
  if last_arrival < now - 1 then
    push_gap({ after = last_arrival, last = now - 1, found_at = now, confirmed = false })
  end
end

-- Records that a user showed a lost ticket. Mirrors model/queue/reentry.rs
-- (QueueTerms::record_lost).
local function confirm_loss(arrival)
  local gap = gap_of(arrival)
  if not gap then
    open_gap(arrival)
  elseif not gap.confirmed then
    gap.confirmed = true
    save_gaps()
  end
end

-- Removes an arrival that is given out now, and those before it, from the gap that contains it.
local function give_out(arrival)
  local any_changed = false
  for _, gap in ipairs(gaps) do
    if gap_has(gap, arrival) then
      gap.after, any_changed = arrival, true
    end
  end
  if any_changed then
    save_gaps()
  end
end
