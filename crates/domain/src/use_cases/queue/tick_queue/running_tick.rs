//! The store calls of one tick.

use std::time::Duration;

use jiff::Timestamp;

use super::{NextTick, QueueTick, TickQueue};
use crate::{
    model::{ConcertId, queue::Pace},
    ports::{Stamped, StoreResult, TickOutcome, TickReport},
};

/// The result of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    /// It reached its limit, and there is more to do.
    More,
    /// There is nothing more to do now.
    Done,
    /// The store has no such queue.
    NotSeeded,
}

impl Chunk {
    fn of(outcome: &TickOutcome) -> Self {
        match outcome {
            TickOutcome::Ticked(report) if report.more => Self::More,
            TickOutcome::Ticked(_) => Self::Done,
            TickOutcome::NotSeeded => Self::NotSeeded,
        }
    }
}

/// A tick that is running.
pub(super) struct RunningTick<'a> {
    tick: &'a TickQueue,
    concert: ConcertId,
    started: Timestamp,
    admitted: u64,
    expired: u64,
    /// When the queue is due, counted from the instant beside it, by the clock.
    next: Option<(NextTick, Timestamp)>,
}

impl<'a> RunningTick<'a> {
    pub(super) fn begin(tick: &'a TickQueue, concert: ConcertId) -> Self {
        Self {
            started: tick.clock.now(),
            tick,
            concert,
            admitted: 0,
            expired: 0,
            next: None,
        }
    }

    pub(super) async fn admit(&mut self) -> StoreResult<Chunk> {
        let ticks = &self.tick.ticks;
        let answer = ticks.admit(self.concert, TickQueue::CHUNK).await?;
        if let TickOutcome::Ticked(report) = answer.value {
            self.admitted += u64::from(report.done);
            self.next = Some((next(&report, answer.as_of), self.tick.clock.now()));
            self.show(answer.as_of, report);
        }
        Ok(Chunk::of(&answer.value))
    }

    /// Removes expired places. Does not postpone the next tick: an admission that became due
    /// meanwhile is still to come.
    pub(super) async fn expire(&mut self) -> StoreResult<Chunk> {
        let ticks = &self.tick.ticks;
        let answer = ticks.expire(self.concert, TickQueue::CHUNK).await?;
        if let TickOutcome::Ticked(report) = answer.value {
            self.expired += u64::from(report.done);
            if next(&report, answer.as_of) == NextTick::Resting {
                self.next = Some((NextTick::Resting, self.tick.clock.now()));
            }
        }
        Ok(Chunk::of(&answer.value))
    }

    /// Records the report in the statuses. If the queue has places but the statuses lack its
    /// concert, the concert is over: provisioning puts it back into the statuses.
    fn show(&self, as_of: Timestamp, report: TickReport) {
        let statuses = &self.tick.statuses;
        let in_use = report.waiting > 0 || report.active > 0;
        if in_use && statuses.view(self.concert).is_none() && !statuses.is_missing(self.concert) {
            statuses.want(self.concert);
        }
        let value = report;
        statuses.note_tick(self.concert, &Stamped { as_of, value });
    }

    /// True while the budget is not used up. A clock that stepped back uses up all of it.
    pub(super) fn has_time(&self) -> bool {
        self.since(self.started)
            .is_some_and(|used| used < TickQueue::BUDGET)
    }

    /// True if the next admission is due.
    pub(super) fn is_due_again(&self) -> bool {
        self.next() == NextTick::After(Duration::ZERO)
    }

    /// When the queue is due, counted from now.
    pub(super) fn next(&self) -> NextTick {
        match self.next {
            Some((NextTick::After(pause), reported)) => {
                let passed = self.since(reported).unwrap_or_default();
                NextTick::After(pause.saturating_sub(passed))
            }
            Some((next, _)) => next,
            None => NextTick::After(Pace::LONGEST.duration()),
        }
    }

    pub(super) fn report(&self, expiry_left: bool, next: NextTick) -> QueueTick {
        QueueTick {
            admitted: self.admitted,
            expired: self.expired,
            expiry_left,
            next,
        }
    }

    fn since(&self, instant: Timestamp) -> Option<Duration> {
        let passed = instant.duration_until(self.tick.clock.now());
        Duration::try_from(passed).ok()
    }
}

/// When a queue is due after `report`.
fn next(report: &TickReport, as_of: Timestamp) -> NextTick {
    if report.waiting == 0 && report.active == 0 && !report.queue.recovering {
        return NextTick::Resting;
    }
    let admits = report.queue.effective(as_of).admits();
    // While no user may be admitted, the start of a window is no reason to tick.
    let (pace, window) = if admits {
        (Pace::of(report.throughput), report.window)
    } else {
        (Pace::LONGEST, None)
    };
    NextTick::After(pace.until_next(window, report.queue.opens_at, as_of))
}
