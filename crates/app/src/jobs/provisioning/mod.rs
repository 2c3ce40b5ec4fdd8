//! Giving the queues' store the queues that it lacks, or whose policy it has not taken.
//!
//! It is a job of its own: neither a database that does not answer nor a queue that hangs holds up
//! any tick.

mod backlog;

use std::{future::ready, time::Duration};

use frontrow_domain::{
    model::ConcertId,
    ports::{StoreError, StoreResult},
    use_cases::{SeedQueues, SurveyQueues},
};
use futures_util::{
    StreamExt,
    stream::{self, FuturesUnordered},
};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::backlog::Backlog;

/// How many queues are given at the same time.
const CONCURRENT: usize = 4;
/// How long one queue may take.
const LIMIT: Duration = Duration::from_secs(3);
/// How often the statuses is asked which queues are wanted.
const PACE: Duration = Duration::from_millis(250);
/// How long a start waits for the queues. The job gives what is left.
const START: Duration = Duration::from_secs(10);

/// What the job needs.
pub(super) trait Provisioning {
    /// The queues that are wanted since this was last asked.
    fn take_wanted(&self) -> Vec<ConcertId>;
    /// Gives the store one queue.
    async fn give(&self, concert: ConcertId) -> StoreResult<()>;
}

impl Provisioning for SurveyQueues {
    fn take_wanted(&self) -> Vec<ConcertId> {
        self.seeding.statuses().take_wanted().into_iter().collect()
    }

    async fn give(&self, concert: ConcertId) -> StoreResult<()> {
        self.seeding.one(concert).await.map(drop)
    }
}

/// Gives the store every queue that is wanted, until `stop` is cancelled; what has begun is finished.
/// A queue that fails is tried again after a back-off.
pub(super) async fn provision(provisioning: &impl Provisioning, stop: CancellationToken) {
    let mut backlog = Backlog::default();
    let mut running = FuturesUnordered::new();
    while !stop.is_cancelled() {
        backlog.add(provisioning.take_wanted(), now());
        while running.len() < CONCURRENT
            && let Some(concert) = backlog.take(now())
        {
            running.push(async move {
                let given = within_limit(provisioning.give(concert)).await;
                (concert, given)
            });
        }
        tokio::select! {
            () = stop.cancelled() => {}
            Some((concert, given)) = running.next() => backlog.finish(concert, given, now()),
            () = sleep(PACE) => {}
        }
    }
    while running.next().await.is_some() {}
}

/// Reads the master copies, and has the job give what the store may not have.
///
/// # Errors
/// When the database fails.
pub(super) async fn survey(survey: &SurveyQueues) -> StoreResult<()> {
    for (concert, _) in survey.run().await? {
        survey.seeding.statuses().want(concert);
    }
    Ok(())
}

/// Gives the store all queues that it may lack. Returns how many it could not be given in time, which are
/// wanted then.
///
/// # Errors
/// When the database fails.
pub(super) async fn open_all(survey: &SurveyQueues) -> StoreResult<usize> {
    let seeding: &SeedQueues = &survey.seeding;
    let missing = survey.run().await?;
    let versions: Vec<_> = missing
        .iter()
        .map(|(concert, master)| (*concert, master.policy.version))
        .collect();
    let giving = stream::iter(missing)
        .map(|(concert, master)| within_limit(seeding.give(concert, master)))
        .buffer_unordered(CONCURRENT)
        .for_each(|given| {
            if let Err(error) = given {
                tracing::debug!(%error,
                    "provisioning of a queue failed at the start; the job retries");
            }
            ready(())
        });
    // What did not end in time is among those that are left.
    let _in_time = timeout(START, giving).await;
    let statuses = seeding.statuses();
    let left = versions
        .into_iter()
        .filter(|(concert, version)| !statuses.is_in_store(*concert, *version))
        .map(|(concert, _)| statuses.want(concert))
        .count();
    Ok(left)
}

async fn within_limit<T>(giving: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
    let given = timeout(LIMIT, giving).await;
    given.unwrap_or_else(|_| {
        let what = format!("no answer within {} s", LIMIT.as_secs());
        Err(StoreError::outcome_unknown(what))
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long queues wait for another attempt"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
