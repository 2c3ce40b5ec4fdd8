// Follows the line of a concert by its public status, GET /v1/concerts/{id}/line. See
// docs/CLIENTS.md. The rules are those of `LineFollower` and `HeartbeatPauses` in
// crates/domain/src/model/queue/line_status.rs.

export class LineFollower {
  /** `place` is the answer of the origin to the join, or to a look-up of a waiting place. */
  constructor(place) {
    this.arrival = place.arrival_us;
    this.generation = place.generation;
    this.ordinal = place.ordinal;
    this.asOf = Date.parse(place.as_of);
  }

  /** Records a later answer of the origin about the waiting place. */
  note(place) {
    const same = place.generation === this.generation;
    this.ordinal = same ? Math.min(this.ordinal, place.ordinal) : place.ordinal;
    this.generation = place.generation;
    this.asOf = Math.max(this.asOf, Date.parse(place.as_of));
  }

  /**
   * Reads a status that is `ageMs` milliseconds old. Returns `{ position }` while the user waits,
   * `{ ask: "turn" }` once the turn has come, and `{ ask: "origin" }` if the status cannot be used.
   * In the last two cases the client looks up its place at the origin now, and then after each
   * `poll_after_ms`.
   */
  read(line, ageMs) {
    const asOf = Date.parse(line.as_of);
    const reentry = line.reentry_until !== null && asOf < Date.parse(line.reentry_until);
    const other = line.generation !== this.generation || line.queue.recovering || reentry;
    if (other || ageMs > 20_000 || asOf < this.asOf) return { ask: "origin" };
    this.asOf = asOf;
    const admittedUpTo = line.admitted_up_to_us;
    if (admittedUpTo !== null && this.arrival <= admittedUpTo) return { ask: "turn" };
    return { position: Math.max(1, this.ordinal - line.passed) };
  }
}

/** Returns the pause before the next heartbeat of a client at `position`, in milliseconds. */
export function heartbeatAfterMs(line, position) {
  const { near, far, near_positions } = line.heartbeat_after_ms;
  return position <= near_positions ? near : far;
}
