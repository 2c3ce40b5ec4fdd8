//! What runs by itself, on every instance: none of it needs a leader.

mod each_queue;
mod repeat;

use std::{rc::Rc, sync::Arc, time::Duration};

use frontrow_domain::{
    model::Period,
    ports::StoreResult,
    use_cases::{
        AddUpSales, AdmitTick, ExpireTick, ForgetCounters, MarkSoldOut, PurgeKeys, QueueBoard,
        SeedQueues, SharedLook, SweepHolds, WarmRankings,
    },
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::{each_queue::EachQueue, repeat::repeat};

/// The jobs.
pub(crate) struct Jobs {
    pub(crate) admit: AdmitTick,
    pub(crate) expire: ExpireTick,
    pub(crate) seeding: Arc<SeedQueues>,
    pub(crate) sold_out: MarkSoldOut,
    pub(crate) sweep: SweepHolds,
    pub(crate) purge: PurgeKeys,
    pub(crate) rankings: WarmRankings,
    pub(crate) shared_look: Option<Arc<SharedLook>>,
    pub(crate) add_up: AddUpSales,
    pub(crate) forget: ForgetCounters,
    pub(crate) board: Arc<QueueBoard>,
}

const EVERY_SECOND: Duration = Duration::from_secs(1);
/// How often queues in which nobody is are looked at, and the master copies of all policies read.
const SURVEY: Duration = Duration::from_secs(30);
const SWEEP: Duration = Duration::from_secs(2);
/// Between two looks at the rankings.
const RANKINGS: Duration = Period::REALTIME_REFRESH;
const PURGE: Duration = Duration::from_mins(10);

impl Jobs {
    /// Starts them all on this thread; they end when `stop` is cancelled. One that ends before that
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
        let board = Arc::clone(&jobs.board);
        let (admitted, expired, surveyed) = (
            EachQueue::new("admission"),
            EachQueue::new("expiry"),
            EachQueue::new("survey"),
        );
        job!("admission", move || admission_pace(&board), |jobs| jobs
            .admit(&admitted)
            .await);
        job!("expiry", every(EVERY_SECOND), |jobs| jobs
            .expire(&expired)
            .await);
        job!("survey", every(SURVEY), |jobs| jobs.survey(&surveyed).await);
        if jobs.shared_look.is_some() {
            job!("signs of life", every(EVERY_SECOND), |jobs| jobs
                .tell_signs()
                .await);
        }
        job!("sold-out", every(EVERY_SECOND), |jobs| jobs
            .sold_out
            .run()
            .await
            .map(drop));
        job!("hold sweep", every(SWEEP), |jobs| jobs.sweep().await);
        // The last hour waits for no finished period that takes long.
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
            .add_up
            .run()
            .await
            .map(drop));
        job!("counter purge", every(PURGE), |jobs| jobs
            .forget
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

    async fn admit(&self, queues: &EachQueue) -> StoreResult<()> {
        let due = self.admit.due().await?;
        let admit = async |concert| {
            let admitted = self.admit.run(concert).await?;
            if admitted > 0 {
                tracing::debug!(%concert, admitted, "people were admitted");
            }
            Ok(())
        };
        queues.serve(due, admit).await
    }

    async fn expire(&self, queues: &EachQueue) -> StoreResult<()> {
        let busy = self.expire.ticks.busy().await?;
        let expire = async |concert| {
            let removed = self.expire.run(concert).await?;
            if removed > 0 {
                tracing::debug!(%concert, removed, "places have ended");
            }
            Ok(())
        };
        queues.serve(busy, expire).await
    }

    /// Looks at every queue there should be, busy or not.
    async fn survey(&self, queues: &EachQueue) -> StoreResult<()> {
        let supplied = self.seeding.all().await;
        let look = async |concert| self.admit.run(concert).await.map(drop);
        queues.serve(self.board.concerts(), look).await?;
        supplied.map(drop)
    }

    /// Tells the queues' store who was heard of by this instance alone.
    async fn tell_signs(&self) -> StoreResult<()> {
        match &self.shared_look {
            Some(look) => look.tell_signs().await.map(drop),
            None => Ok(()),
        }
    }

    async fn sweep(&self) -> StoreResult<()> {
        let swept = self.sweep.run().await?;
        if swept > 0 {
            tracing::debug!(swept, "holds have expired");
        }
        Ok(())
    }
}

/// Twice in the shortest admission window, and at least every second.
fn admission_pace(board: &QueueBoard) -> Duration {
    board
        .shortest_window()
        .map_or(EVERY_SECOND, |window| (window / 2).min(EVERY_SECOND))
}
