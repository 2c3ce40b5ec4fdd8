//! The port [`QueueSnapshots`] on the in-process queues.

use async_trait::async_trait;
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{Arrival, DepartureCursor, Heartbeat, LineSnapshot, Place, Ticket},
    },
    ports::{LookUpOutcome, PeekOutcome, QueueSnapshots, SnapshotOutcome, Stamped, StoreResult},
};
use jiff::Timestamp;

use super::{queue::MemoryQueue, state::QueueState};

impl QueueState {
    /// Returns a snapshot of the line, with the departures since `mark`.
    fn line(&self, mark: Option<DepartureCursor>, now: Timestamp) -> LineSnapshot {
        let (waiting, _) = self.counts(now);
        LineSnapshot {
            generation: self.terms.generation,
            policy_version: self.terms.version(),
            waiting_ttl: self.terms.policy().waiting_ttl,
            absence: self.terms.policy().absence(),
            near_positions: self
                .terms
                .policy()
                .near_positions()
                .saturating_add(self.waiting.aside() as u64),
            queue: self.terms.view(now),
            reentry_until: self.terms.reentry_until(now),
            waiting,
            admitted: self.admitted,
            admitted_up_to: self.passed_to,
            mark: self.departures.mark(self.terms.generation),
            left: self.departures.since(mark, self.terms.generation),
        }
    }

    /// Records heartbeats of waiting users. Returns each user's place after it.
    fn record_heartbeats(
        &mut self,
        heartbeats: &[Heartbeat],
        now: Timestamp,
    ) -> Vec<Stamped<LookUpOutcome>> {
        self.terms.find_losses(None, now);
        let found = heartbeats.iter().map(|heartbeat| {
            let deadlines = self.terms.deadlines(now);
            self.waiting.earlier_heartbeat(heartbeat, &deadlines, now);
            let place = self.peek(&heartbeat.user, heartbeat.arrival, now);
            Stamped {
                as_of: now,
                value: place.map_or(LookUpOutcome::Gone, LookUpOutcome::Found),
            }
        });
        found.collect()
    }

    /// Returns the place of `user` with this arrival, without a heartbeat. None if it is gone.
    fn peek(&self, user: &UserId, arrival: Arrival, now: Timestamp) -> Option<Place> {
        let place = self.place_of(user, now);
        place.filter(|place| place.ticket.arrival == arrival)
    }
}

#[async_trait]
impl QueueSnapshots for MemoryQueue {
    async fn snapshot(
        &self,
        concert: ConcertId,
        since: Option<DepartureCursor>,
    ) -> StoreResult<Stamped<SnapshotOutcome>> {
        let answer = self.visit(concert, |queue, now| queue.line(since, now));
        Ok(answer.map(|line| line.map_or(SnapshotOutcome::NotSeeded, SnapshotOutcome::Seen)))
    }

    async fn record_heartbeats(
        &self,
        concert: ConcertId,
        heartbeats: &[Heartbeat],
    ) -> StoreResult<Vec<Stamped<LookUpOutcome>>> {
        let answer = self.visit(concert, |queue, now| {
            queue.record_heartbeats(heartbeats, now)
        });
        let as_of = answer.as_of;
        Ok(answer.value.unwrap_or_else(|| {
            let value = LookUpOutcome::NotSeeded;
            vec![Stamped { as_of, value }; heartbeats.len()]
        }))
    }

    async fn peek(
        &self,
        concert: ConcertId,
        tickets: &[Ticket],
    ) -> StoreResult<Stamped<PeekOutcome>> {
        let answer = self.visit(concert, |queue, now| {
            let places = tickets
                .iter()
                .map(|ticket| queue.peek(&ticket.user, ticket.arrival, now));
            PeekOutcome::Seen(places.collect())
        });
        Ok(answer.map(|seen| seen.unwrap_or(PeekOutcome::NotSeeded)))
    }
}
