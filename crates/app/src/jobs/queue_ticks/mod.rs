//! Ticks each queue at its own pace.

mod failures;
mod schedule;

use std::{collections::HashSet, time::Duration};

use frontrow_domain::{
    model::ConcertId,
    ports::{StoreError, StoreResult},
    use_cases::{QueueTick, TickQueue},
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::{
    failures::Failures,
    schedule::{Schedule, ScheduledTick},
};

/// The maximum number of concurrent ticks: one less than the connections of the jobs, so that other
/// jobs never wait for ticks.
const CONCURRENT: usize = 4;
/// The time limit of a tick, and of reading the list of busy queues.
const LIMIT: Duration = Duration::from_secs(2);
/// The pause between two reads of the list of busy queues.
const LISTING: Duration = Duration::from_secs(1);

/// The calls that the scheduler makes.
pub(super) trait Ticking {
    /// Returns the queues that the store lists as busy.
    async fn busy(&self) -> StoreResult<Vec<ConcertId>>;
    /// Returns the queues that were recovering at their last tick. They are ticked like busy ones.
    fn recovering(&self) -> Vec<ConcertId>;
    /// Returns the queues of all concerts that this instance knows. Those that are not busy are
    /// ticked rarely.
    fn known(&self) -> Vec<ConcertId>;
    /// Ticks one queue. Removes expired places if `expire` is true.
    async fn tick(&self, concert: ConcertId, expire: bool) -> StoreResult<QueueTick>;
}

impl Ticking for TickQueue {
    async fn busy(&self) -> StoreResult<Vec<ConcertId>> {
        self.ticks.busy().await
    }

    fn recovering(&self) -> Vec<ConcertId> {
        self.statuses.recovering()
    }

    fn known(&self) -> Vec<ConcertId> {
        self.statuses.concerts()
    }

    async fn tick(&self, concert: ConcertId, expire: bool) -> StoreResult<QueueTick> {
        let tick = self.run(concert, expire).await?;
        if tick.admitted > 0 || tick.expired > 0 {
            let (admitted, expired) = (tick.admitted, tick.expired);
            tracing::debug!(%concert, admitted, expired, "a tick changed a queue");
        }
        Ok(tick)
    }
}

/// Ticks every queue that is due, until `stop` is cancelled. Ticks that have begun are finished.
///
/// Several ticks run at the same time, so that queues do not wait for each other, but never two of
/// the same queue. A queue that fails or hangs is retried after a back-off.
pub(super) async fn tick_queues(ticking: &impl Ticking, stop: CancellationToken) {
    let mut schedule = Schedule::default();
    let mut failures = Failures::default();
    let mut turns = FuturesUnordered::new();
    let mut listing = FuturesUnordered::new();
    let mut next_listing = now();
    while !stop.is_cancelled() {
        if listing.is_empty() && next_listing <= now() {
            listing.push(timeout(LIMIT, ticking.busy()));
            next_listing = now() + LISTING;
        }
        while turns.len() < CONCURRENT
            && let Some(turn) = schedule.take(now())
        {
            turns.push(take_turn(ticking, turn));
        }
        // A due queue starts when a running tick ends, and the next listing when the last one ends.
        let next_turn = schedule.next_due().filter(|_| turns.len() < CONCURRENT);
        let next_listing = Some(next_listing).filter(|_| listing.is_empty());
        tokio::select! {
            () = stop.cancelled() => {}
            Some((turn, outcome)) = turns.next() => finish(&mut schedule, &mut failures, &turn, outcome),
            Some(listed) = listing.next() => {
                let listed = listed.unwrap_or_else(|_| Err(too_slow()));
                learn(ticking, &mut schedule, &mut failures, listed);
            }
            () = until(next_turn) => {}
            () = until(next_listing) => {}
        }
    }
    while turns.next().await.is_some() {}
}

async fn take_turn(
    ticking: &impl Ticking,
    turn: ScheduledTick,
) -> (ScheduledTick, StoreResult<QueueTick>) {
    let tick = ticking.tick(turn.concert, turn.expire);
    let outcome = timeout(LIMIT, tick).await;
    (turn, outcome.unwrap_or_else(|_| Err(too_slow())))
}

fn finish(
    schedule: &mut Schedule,
    failures: &mut Failures,
    turn: &ScheduledTick,
    outcome: StoreResult<QueueTick>,
) {
    match outcome {
        Ok(tick) => {
            failures.worked(turn.concert);
            schedule.ticked(turn, tick, now());
        }
        Err(error) => {
            failures.failed(turn.concert, error);
            schedule.failed(turn, now());
        }
    }
}

fn learn(
    ticking: &impl Ticking,
    schedule: &mut Schedule,
    failures: &mut Failures,
    listed: StoreResult<Vec<ConcertId>>,
) {
    let known: HashSet<_> = ticking.known().into_iter().collect();
    let mut in_use: HashSet<_> = ticking.recovering().into_iter().collect();
    match listed {
        Ok(busy) => {
            in_use.extend(busy);
            schedule.learn(&in_use, &known, now());
            schedule.keep_only(&in_use, &known);
            failures.store_answers(|concert| schedule.has(concert));
        }
        Err(error) => {
            // Queues that are in the schedule stay there.
            schedule.learn(&in_use, &known, now());
            failures.store_fails(&error);
        }
    }
}

/// Waits until `instant`, or forever if it is None.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn too_slow() -> StoreError {
    StoreError::outcome_unknown(format!("no answer within {} s", LIMIT.as_secs()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long queues wait for their ticks"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
