//! The beginning and the report of a tick.

use diesel::QueryResult;
use frontrow_domain::{
    model::ConcertId,
    ports::{Stamped, TickOutcome, TickReport},
};
use jiff::Timestamp;

use crate::{
    queue::rows::{
        queue_row::{self, QueueRow},
        units::count,
    },
    session::Session,
    transactions::Verdict,
};

/// A tick that holds the lock of its queue.
#[derive(Debug)]
pub(super) struct Tick {
    pub(super) concert: ConcertId,
    pub(super) now: Timestamp,
    pub(super) queue: QueueRow,
    /// The row as it was read.
    found: QueueRow,
}

/// Begins the transaction of a tick that has work: locks the queue and records that it is served.
/// None if the store does not have the queue.
pub(super) async fn begin(session: &mut Session, concert: ConcertId) -> QueryResult<Option<Tick>> {
    session.begin().await?;
    let Some((now, found)) = queue_row::lock_soon(session, concert).await? else {
        return Ok(None);
    };
    let mut queue = found.clone();
    queue.find_losses(now);
    queue.terms.tick(now);
    Ok(Some(Tick {
        concert,
        now,
        queue,
        found,
    }))
}

/// Returns the outcome for a queue that the store does not have.
pub(super) async fn not_seeded(session: &mut Session) -> QueryResult<Stamped<TickOutcome>> {
    Ok(Stamped {
        as_of: queue_row::now(session).await?,
        value: TickOutcome::NotSeeded,
    })
}

impl Tick {
    /// Ends a tick that did `done` pieces of work. Writes the row if anything has changed, or if
    /// the instant of the last tick is due to be recorded.
    pub(super) async fn end(
        self,
        session: &mut Session,
        done: u32,
        more: bool,
    ) -> QueryResult<Verdict<Stamped<TickOutcome>>> {
        let report = stamped(report(&self.queue, done, more, self.now), self.now);
        if !self.found.terms.tick_is_due(self.now) {
            let mut unserved = self.queue.clone();
            unserved.terms.serving_since = self.found.terms.serving_since;
            unserved.terms.last_tick = self.found.terms.last_tick;
            if unserved == self.found {
                return Ok(Verdict::Rollback(report));
            }
        }
        self.queue.save(session, self.concert).await?;
        Ok(Verdict::Commit(report))
    }
}

/// Returns the report of a tick that did `done` pieces of work.
pub(super) fn report(queue: &QueueRow, done: u32, more: bool, now: Timestamp) -> TickReport {
    let throughput = queue.policy().throughput;
    TickReport {
        done,
        more,
        waiting: count(queue.waiting),
        aside: count(queue.aside),
        active: count(queue.active),
        departed: count(queue.departed),
        admitted: count(queue.admitted),
        policy_version: queue.terms.version(),
        throughput,
        window: queue.admission.window.filter(|_| throughput.is_some()),
        queue: queue.terms.view(now),
    }
}

/// Wraps a report in an outcome.
pub(super) fn stamped(report: TickReport, as_of: Timestamp) -> Stamped<TickOutcome> {
    Stamped {
        as_of,
        value: TickOutcome::Ticked(report),
    }
}
