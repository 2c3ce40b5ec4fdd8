//! The fields of a queue's row: its terms, its counters, and how far admission has moved along its
//! line.

use frontrow_domain::model::queue::{
    Admission, Arrival, Cutoffs, EffectiveState, QueuePolicy, QueueTerms, ServerId,
};
use jiff::Timestamp;

use super::units::count;

/// A queue, without its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::queue) struct QueueRow {
    pub(in crate::queue) terms: QueueTerms,
    pub(in crate::queue) admission: Admission,
    /// The server that has answered. None if it gives no name.
    pub(in crate::queue) server: Option<ServerId>,
    /// The number of the last user who joined the line.
    pub(in crate::queue) last_seq: i64,
    /// The arrival of the first numbered place.
    pub(in crate::queue) line_since: Option<Arrival>,
    /// The number and the arrival up to which admission has passed the line.
    pub(in crate::queue) passed_seq: i64,
    pub(in crate::queue) passed_arrival: i64,
    /// Passed places whose last heartbeat is not later than this were expired when they were
    /// passed.
    pub(in crate::queue) passed_ends: Option<Timestamp>,
    /// Number of rows that wait. Here and in the next counts, expired places count until they are
    /// removed.
    pub(in crate::queue) waiting: i64,
    /// How many of the waiting rows are next in line, whatever their number.
    pub(in crate::queue) reentered: i64,
    /// The latest arrival of a user who re-entered after a loss, kept while any user is next in
    /// line.
    pub(in crate::queue) reentered_up_to: Option<Arrival>,
    /// How many of the waiting rows were passed.
    pub(in crate::queue) aside: i64,
    /// Number of active rows.
    pub(in crate::queue) active: i64,
    /// Number of rows that remember a place that ended.
    pub(in crate::queue) remembered: i64,
    /// Number of users who stopped waiting.
    pub(in crate::queue) departed: i64,
    /// How many of them were admitted.
    pub(in crate::queue) admitted: i64,
    pub(in crate::queue) admitted_up_to: Option<Arrival>,
    /// The latest arrival of a user who was admitted immediately.
    pub(in crate::queue) at_once_up_to: Option<Arrival>,
    /// Number of users who left the line.
    pub(in crate::queue) departures: i64,
}

impl QueueRow {
    /// Makes a queue without places.
    pub(in crate::queue) fn new(terms: QueueTerms) -> Self {
        Self {
            terms,
            admission: Admission::default(),
            server: None,
            last_seq: 0,
            line_since: None,
            passed_seq: 0,
            passed_arrival: 0,
            passed_ends: None,
            waiting: 0,
            reentered: 0,
            reentered_up_to: None,
            aside: 0,
            active: 0,
            remembered: 0,
            departed: 0,
            admitted: 0,
            admitted_up_to: None,
            at_once_up_to: None,
            departures: 0,
        }
    }

    /// Returns the policy in force.
    pub(in crate::queue) fn policy(&self) -> &QueuePolicy {
        self.terms.policy()
    }

    /// Returns true if the server that answers is not the one that is recorded.
    pub(in crate::queue) fn is_on_another_server(&self, now: Timestamp) -> bool {
        let ttl = self.policy().waiting_ttl;
        let is_news = |server: &ServerId| self.terms.servers.is_news(server, now, ttl);
        self.server.as_ref().is_some_and(is_news)
    }

    /// Returns true if a change has to record what the store may have lost.
    pub(in crate::queue) fn may_have_lost_writes(&self, now: Timestamp) -> bool {
        self.terms.may_have_lost_writes(self.server.as_ref(), now)
    }

    /// Records what the store may have lost. It precedes every other change of the queue.
    pub(in crate::queue) fn find_losses(&mut self, now: Timestamp) {
        self.terms.find_losses(self.server.as_ref(), now);
    }

    /// Returns true if admission has passed this arrival.
    pub(in crate::queue) fn has_passed(&self, arrival: Arrival) -> bool {
        arrival.micros() <= self.passed_arrival
    }

    /// Returns how many places admission may still reach. Places of users who stand aside count
    /// only in *bypass*.
    pub(in crate::queue) fn heads(&self, now: Timestamp) -> i64 {
        match self.terms.state(now) {
            EffectiveState::Bypass => self.waiting,
            _ => self.waiting - self.aside,
        }
    }

    /// Returns true if there is any row of a place.
    pub(in crate::queue) fn is_busy(&self) -> bool {
        self.waiting + self.active + self.remembered > 0
    }

    /// Returns the instants up to which places are expired at `now`.
    pub(in crate::queue) fn cutoffs(&self, now: Timestamp) -> Cutoffs {
        self.terms.deadlines(now).cutoffs(now)
    }

    /// Returns how many users may be admitted at `now` while `active` places are active, as far as
    /// that is known before it is known whether any user waits.
    pub(in crate::queue) fn room(&self, active: i64, now: Timestamp) -> u64 {
        let state = self.terms.state(now);
        self.admission
            .peek_room(state, self.policy(), count(active), now)
    }
}
