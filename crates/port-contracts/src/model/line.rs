//! Snapshots of a line, and the heartbeats recorded for it.

use frontrow_domain::{
    model::queue::{DepartureCursor, Departures, Heartbeat, LineSnapshot},
    ports::LookUpOutcome,
};
use jiff::Timestamp;

use super::ModelQueue;

impl ModelQueue {
    pub(crate) fn snapshot(&self, now: Timestamp, since: Option<DepartureCursor>) -> LineSnapshot {
        LineSnapshot {
            generation: self.generation,
            policy_version: self.policy.version,
            waiting_ttl: self.rules().waiting_ttl,
            absence: self.rules().absence(),
            near_positions: self.rules().near_positions() + self.aside_count(now) as u64,
            queue: self.view(now),
            reentry_until: self.reentry_until(now),
            waiting: self.waiting_count(now) as u64,
            admitted: self.admitted.len() as u64,
            admitted_up_to: self.admitted_up_to,
            mark: DepartureCursor {
                generation: self.generation,
                number: self.departures.len() as u64,
            },
            left: self.departures_since(since),
        }
    }

    /// Returns true if a store may have forgotten departures since `mark`.
    pub(crate) fn may_have_forgotten(&self, mark: Option<DepartureCursor>) -> bool {
        mark.is_some_and(|mark| mark.number < self.forgotten as u64)
    }

    /// Returns the departures since a cursor. The model forgets none, but knows none of other
    /// generations.
    fn departures_since(&self, since: Option<DepartureCursor>) -> Departures {
        let known = since
            .filter(|since| since.generation == self.generation)
            .and_then(|since| self.departures.get(usize::try_from(since.number).ok()?..));
        known.map_or(Departures::Unknown, |left| Departures::These(left.to_vec()))
    }

    /// Records a heartbeat with an earlier instant. Returns its place after that.
    pub(crate) fn record_heartbeat(
        &mut self,
        now: Timestamp,
        heartbeat: &Heartbeat,
    ) -> LookUpOutcome {
        self.record_losses(now);
        let number = self
            .waiting
            .iter()
            .position(|place| place.user == heartbeat.user && place.arrival == heartbeat.arrival);
        if let Some(number) = number
            && self.waits(&self.waiting[number], now)
        {
            let place = &mut self.waiting[number];
            let at = heartbeat.at.min(now);
            if at > place.last_seen {
                place.last_seen = at;
                place.is_aside = false;
            }
        }
        let place = self.place_of(&heartbeat.user, now);
        let place = place.filter(|place| place.ticket.arrival == heartbeat.arrival);
        place.map_or(LookUpOutcome::Gone, LookUpOutcome::Found)
    }
}
