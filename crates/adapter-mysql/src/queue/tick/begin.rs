//! How a tick begins, and what it reports.

use std::time::Duration;

use diesel::QueryResult;
use frontrow_domain::{
    model::ConcertId,
    ports::{Stamped, TickOutcome, TickReport},
};
use jiff::Timestamp;

use crate::{
    calls::Turn,
    queue::rows::{
        queue_row::{self, QueueRow},
        units::count,
    },
    session::Session,
};

/// How long a tick waits for the queue's row. Whoever holds it for longer hangs, and a tick that waited
/// on would keep a connection of the jobs from other queues.
const ROW_TIMEOUT: Duration = Duration::from_millis(500);

/// A tick that holds the lock of its queue.
#[derive(Debug)]
pub(super) struct Tick {
    pub(super) concert: ConcertId,
    pub(super) now: Timestamp,
    pub(super) queue: QueueRow,
    /// The row as it was found.
    found: QueueRow,
}

/// How a tick begins.
pub(super) enum Begun {
    Tick(Box<Tick>),
    /// It does not, and this is its outcome.
    Not(Stamped<TickOutcome>),
}

/// What a tick finds without a lock.
pub(super) enum Found {
    Queue(Timestamp, Box<QueueRow>),
    /// The store does not have the queue.
    Nothing(Stamped<TickOutcome>),
}

/// Reads the queue, to see whether there is anything to do.
pub(super) async fn find(session: &mut Session, concert: ConcertId) -> QueryResult<Found> {
    Ok(match queue_row::read(session, concert).await? {
        Some((now, queue)) => Found::Queue(now, Box::new(queue)),
        None => Found::Nothing(not_seeded(session).await?),
    })
}

/// Begins the transaction of a tick that was found to have work at `found_at`: locks the queue and
/// records that it is served.
pub(super) async fn begin(
    session: &mut Session,
    concert: ConcertId,
    found_at: Timestamp,
) -> QueryResult<Begun> {
    session.begin().await?;
    let locking = session.within(ROW_TIMEOUT, async |session| {
        queue_row::lock(session, concert).await
    });
    let Some(locked) = locking.await? else {
        return Ok(Begun::Not(Stamped {
            as_of: found_at,
            value: TickOutcome::Skipped,
        }));
    };
    let Some((now, found)) = locked else {
        return Ok(Begun::Not(not_seeded(session).await?));
    };
    let mut queue = found.clone();
    queue.terms.tick(now);
    Ok(Begun::Tick(Box::new(Tick {
        concert,
        now,
        queue,
        found,
    })))
}

async fn not_seeded(session: &mut Session) -> QueryResult<Stamped<TickOutcome>> {
    Ok(Stamped {
        as_of: queue_row::now(session).await?,
        value: TickOutcome::NotSeeded,
    })
}

impl Tick {
    /// Ends a tick that did `done` pieces of work. Writes the row where anything has changed, or where
    /// its last instant is due to be recorded.
    pub(super) async fn end(
        mut self,
        session: &mut Session,
        done: u32,
        more: bool,
    ) -> QueryResult<Turn<Stamped<TickOutcome>>> {
        let report = stamped(report(&self.queue, done, more, self.now), self.now);
        if !self.found.terms.tick_is_due(self.now) {
            let terms = &mut self.queue.terms;
            let instants = (terms.serving_since, terms.last_tick);
            (terms.serving_since, terms.last_tick) =
                (self.found.terms.serving_since, self.found.terms.last_tick);
            if self.queue == self.found {
                return Ok(Turn::Refused(report));
            }
            let terms = &mut self.queue.terms;
            (terms.serving_since, terms.last_tick) = instants;
        }
        self.queue.save(session, self.concert).await?;
        Ok(Turn::Done(report))
    }
}

/// What a tick reports that did `done` pieces of work.
pub(super) fn report(queue: &QueueRow, done: u32, more: bool, now: Timestamp) -> TickReport {
    let throughput = queue.policy().throughput;
    TickReport {
        done,
        more,
        waiting: count(queue.waiting),
        active: count(queue.active),
        departed: count(queue.departed),
        admitted: count(queue.admitted),
        throughput,
        window: queue.admission.window.filter(|_| throughput.is_some()),
        queue: queue.terms.view(now),
    }
}

/// A report as an outcome.
pub(super) fn stamped(report: TickReport, as_of: Timestamp) -> Stamped<TickOutcome> {
    Stamped {
        as_of,
        value: TickOutcome::Ticked(report),
    }
}
