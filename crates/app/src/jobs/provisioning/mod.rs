//! Provisioning: writes the queues that the queue store lacks, and the policies that it has not
//! taken.
//!
//! It is a separate job, so that neither a database that does not answer nor a queue that hangs
//! delays ticks.

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

/// The maximum number of queues provisioned at the same time.
const CONCURRENT: usize = 4;
/// The time limit of one queue.
const LIMIT: Duration = Duration::from_secs(3);
/// The pause between two reads of the requested queues.
const PACE: Duration = Duration::from_millis(250);
/// The time limit of the start for all queues. The job continues with the rest.
const START: Duration = Duration::from_secs(10);

/// The calls that the job makes.
pub(super) trait Provisioning {
    /// Returns the queues that were requested since the last call.
    fn take_wanted(&self) -> Vec<ConcertId>;
    /// Provisions one queue.
    async fn provision_one(&self, concert: ConcertId) -> StoreResult<()>;
}

impl Provisioning for SurveyQueues {
    fn take_wanted(&self) -> Vec<ConcertId> {
        self.seeding.statuses().take_wanted().into_iter().collect()
    }

    async fn provision_one(&self, concert: ConcertId) -> StoreResult<()> {
        self.seeding.one(concert).await.map(drop)
    }
}

/// Provisions every requested queue, until `stop` is cancelled. A call that has begun is finished.
/// A queue that fails is retried after a back-off.
pub(super) async fn provision(provisioning: &impl Provisioning, stop: CancellationToken) {
    let mut backlog = Backlog::default();
    let mut running = FuturesUnordered::new();
    while !stop.is_cancelled() {
        backlog.add(provisioning.take_wanted(), now());
        while running.len() < CONCURRENT
            && let Some(concert) = backlog.take(now())
        {
            running.push(async move {
                let result = within_limit(provisioning.provision_one(concert)).await;
                (concert, result)
            });
        }
        tokio::select! {
            () = stop.cancelled() => {}
            Some((concert, result)) = running.next() => backlog.finish(concert, result, now()),
            () = sleep(PACE) => {}
        }
    }
    while running.next().await.is_some() {}
}

/// Reads the master copies, and requests provisioning of the queues that the store may lack.
///
/// # Errors
/// If the database fails.
pub(super) async fn survey(survey: &SurveyQueues) -> StoreResult<()> {
    for (concert, _) in survey.run().await? {
        survey.seeding.statuses().want(concert);
    }
    Ok(())
}

/// Provisions all queues that the store may lack. Returns the number of those that failed or were
/// too late, and requests provisioning of them.
///
/// # Errors
/// If the database fails.
pub(super) async fn open_all(survey: &SurveyQueues) -> StoreResult<usize> {
    let seeding: &SeedQueues = &survey.seeding;
    let missing = survey.run().await?;
    let versions: Vec<_> = missing
        .iter()
        .map(|(concert, master)| (*concert, master.policy.version))
        .collect();
    let calls = stream::iter(missing)
        .map(|(concert, master)| within_limit(seeding.give(concert, master)))
        .buffer_unordered(CONCURRENT)
        .for_each(|result| {
            if let Err(error) = result {
                tracing::debug!(%error,
                    "provisioning of a queue failed at the start; the job retries");
            }
            ready(())
        });
    // Calls that did not end in time are among `left`.
    let _in_time = timeout(START, calls).await;
    let statuses = seeding.statuses();
    let left = versions
        .into_iter()
        .filter(|(concert, version)| !statuses.is_in_store(*concert, *version))
        .map(|(concert, _)| statuses.want(concert))
        .count();
    Ok(left)
}

async fn within_limit<T>(call: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
    let result = timeout(LIMIT, call).await;
    result.unwrap_or_else(|_| {
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
