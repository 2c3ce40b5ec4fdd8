//! What the jobs and the operators do with a queue.

use frontrow_domain::{
    model::queue::QueueSeed,
    ports::{SeedOutcome, TickReport},
};
use jiff::Timestamp;

use super::state::QueueState;

impl QueueState {
    /// Admits at most `limit` from the head of the line, as state and policy allow.
    pub(super) fn admit(&mut self, limit: u32, now: Timestamp) -> TickReport {
        self.terms.tick(now);
        if self.waiting.is_empty() {
            return self.report(0, false, now);
        }
        let (state, room) = self.room(now);
        let mut admitted = 0;
        while admitted < limit && u64::from(admitted) < room {
            let Some((arrival, user)) = self.waiting.head() else {
                break;
            };
            self.active.admit(user.clone(), arrival, now);
            self.waiting.remove(&user);
            self.admitted_up_to = self.admitted_up_to.max(Some(arrival));
            admitted += 1;
        }
        self.admission.note(state, self.terms.policy(), admitted);
        self.departed += u64::from(admitted);
        self.admitted += u64::from(admitted);
        let more = u64::from(admitted) < room && !self.waiting.is_empty();
        self.report(admitted, more, now)
    }

    /// Removes at most `limit` places that are past their end.
    pub(super) fn expire(&mut self, limit: u32, now: Timestamp) -> TickReport {
        self.terms.tick(now);
        let settled = self.settle(now, limit);
        self.report(settled.removed, !settled.entirely, now)
    }

    /// Takes the policy of `seed`, where it is newer.
    pub(super) fn reseed(&mut self, seed: &QueueSeed) -> SeedOutcome {
        if self.terms.take(&seed.policy) {
            SeedOutcome::Taken { recovering: false }
        } else {
            SeedOutcome::HasNewer(self.terms.version())
        }
    }

    /// True when nobody has a place and nobody can bring one back.
    pub(super) fn holds_nothing(&self, now: Timestamp) -> bool {
        self.is_empty(now) && !self.takes_people_back(now)
    }

    /// True when nobody has a place.
    pub(super) fn is_empty(&self, now: Timestamp) -> bool {
        self.counts(now) == (0, 0)
    }

    /// True when anybody has a place, or had one that no tick has removed yet.
    pub(super) fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || !self.active.is_empty()
    }

    fn report(&self, done: u32, more: bool, now: Timestamp) -> TickReport {
        let (waiting, active) = self.counts(now);
        TickReport {
            done,
            more,
            waiting: waiting as u64,
            active: active as u64,
            departed: self.departed,
            policy_speed: self.terms.policy().speed(),
            queue: self.view(now),
        }
    }
}
