//! The background jobs. They run on every instance and need no leader.

mod provisioning;
mod queue_ticks;
mod repeat;

use std::{rc::Rc, sync::Arc, time::Duration};

use frontrow_domain::{
    decorators::SnapshotQueue,
    model::{Period, queue::ServedEntry},
    ports::StoreResult,
    use_cases::{
        MarkSale, PruneCounters, PurgeKeys, RecordServed, RollUpSales, SurveyQueues, SweepHolds,
        TickQueue, WarmRankings,
    },
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::{provisioning::provision, queue_ticks::tick_queues, repeat::repeat};

/// The use cases that run as jobs.
pub(crate) struct Jobs {
    pub(crate) tick: TickQueue,
    pub(crate) survey: SurveyQueues,
    pub(crate) served: RecordServed,
    pub(crate) sale: Arc<MarkSale>,
    pub(crate) sweep: SweepHolds,
    pub(crate) purge: PurgeKeys,
    pub(crate) rankings: WarmRankings,
    pub(crate) snapshot_queue: Arc<SnapshotQueue>,
    pub(crate) roll_up: RollUpSales,
    pub(crate) prune: PruneCounters,
}

const EVERY_SECOND: Duration = Duration::from_secs(1);
/// The pause between two reads of the master copies of all policies.
const SURVEY: Duration = Duration::from_secs(30);
const SWEEP: Duration = Duration::from_secs(2);
/// The pause between two refreshes of the rankings.
const RANKINGS: Duration = Period::REALTIME_REFRESH;
const PURGE: Duration = Duration::from_mins(10);

impl Jobs {
    /// Writes all queues that the queue store may lack, before the first request. The provisioning
    /// job retries those that fail.
    pub(crate) async fn open_queues(&self) {
        match provisioning::open_all(&self.survey).await {
            Ok(0) => {}
            Ok(queues) => tracing::warn!(
                queues,
                "some queues were not provisioned before the first request; retrying"
            ),
            Err(error) => tracing::warn!(%error,
                "failed to read the policies at the start; queues are provisioned later"),
        }
    }

    /// Starts all jobs on this thread. They end when `stop` is cancelled. A job that ends earlier
    /// has panicked.
    pub(crate) fn start(self, stop: &CancellationToken) -> JoinSet<()> {
        let jobs = Rc::new(self);
        let mut running = JoinSet::new();
        let every = |pace: Duration| move || pace;
        macro_rules! job {
            ($name:literal, $pace:expr, |$jobs:ident| $work:expr) => {{
                let $jobs = Rc::clone(&jobs);
                let pace = $pace;
                let work = async move || $work;
                running.spawn_local(repeat($name, pace, stop.clone(), work));
            }};
        }
        let (ticking, ticks_stop) = (Rc::clone(&jobs), stop.clone());
        running.spawn_local(async move { tick_queues(&ticking.tick, ticks_stop).await });
        let (giving, giving_stop) = (Rc::clone(&jobs), stop.clone());
        running.spawn_local(async move { provision(&giving.survey, giving_stop).await });
        job!("survey", every(SURVEY), |jobs| provisioning::survey(
            &jobs.survey
        )
        .await);
        job!("served arrivals", every(ServedEntry::SLOT), |jobs| jobs
            .served
            .run()
            .await
            .map(drop));
        job!("heartbeats", every(EVERY_SECOND), |jobs| jobs
            .snapshot_queue
            .flush_heartbeats()
            .await
            .map(drop));
        job!("sale", every(EVERY_SECOND), |jobs| jobs
            .sale
            .run()
            .await
            .map(drop));
        job!("hold sweep", every(SWEEP), |jobs| jobs.sweep().await);
        // A separate job, so that the realtime ranking does not wait for a slow finished period.
        job!("realtime ranking", every(RANKINGS), |jobs| jobs
            .rankings
            .run(&[Period::Realtime])
            .await
            .map(drop));
        job!("rankings", every(RANKINGS), |jobs| jobs
            .rankings
            .run(&Period::FINISHED)
            .await
            .map(drop));
        job!("sales counting", every(EVERY_SECOND), |jobs| jobs
            .roll_up
            .run()
            .await
            .map(drop));
        job!("counter purge", every(PURGE), |jobs| jobs
            .prune
            .run()
            .await
            .map(drop));
        job!("key purge", every(PURGE), |jobs| jobs
            .purge
            .run()
            .await
            .map(drop));
        running
    }

    async fn sweep(&self) -> StoreResult<()> {
        let swept = self.sweep.run().await?;
        if swept > 0 {
            tracing::debug!(swept, "released the seats of expired holds");
        }
        Ok(())
    }
}
