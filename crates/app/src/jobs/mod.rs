//! What runs by itself, on every instance: none of it needs a leader.

mod repeat;

use std::{rc::Rc, sync::Arc, time::Duration};

use frontrow_domain::{
    ports::{StoreError, StoreResult},
    use_cases::{
        AdmitTick, ExpireTick, MarkSoldOut, PurgeKeys, QueueBoard, SeedQueues, SharedLook,
        SweepHolds, WarmRankings,
    },
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::repeat::repeat;

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
    pub(crate) board: Arc<QueueBoard>,
}

const EVERY_SECOND: Duration = Duration::from_secs(1);
/// How often queues in which nobody is are looked at, and the master copies of all policies read.
const SURVEY: Duration = Duration::from_secs(30);
const SWEEP: Duration = Duration::from_secs(2);
const RANKINGS: Duration = Duration::from_secs(5);
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
        job!("admission", move || admission_pace(&board), |jobs| jobs
            .admit()
            .await);
        job!("expiry", every(EVERY_SECOND), |jobs| jobs.expire().await);
        job!("survey", every(SURVEY), |jobs| jobs.survey().await);
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
        job!("rankings", every(RANKINGS), |jobs| jobs
            .rankings
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

    async fn admit(&self) -> StoreResult<()> {
        let mut result = Ok(());
        for concert in self.admit.due().await? {
            match self.admit.run(concert).await {
                Ok(0) => {}
                Ok(admitted) => tracing::debug!(%concert, admitted, "people were admitted"),
                Err(error) => result = keep_first(result, error),
            }
        }
        result
    }

    async fn expire(&self) -> StoreResult<()> {
        let mut result = Ok(());
        for concert in self.expire.ticks.busy().await? {
            match self.expire.run(concert).await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(%concert, removed, "places have ended"),
                Err(error) => result = keep_first(result, error),
            }
        }
        result
    }

    /// Looks at every queue there should be, busy or not.
    async fn survey(&self) -> StoreResult<()> {
        self.seeding.all().await?;
        let mut result = Ok(());
        for concert in self.board.concerts() {
            if let Err(error) = self.admit.run(concert).await {
                result = keep_first(result, error);
            }
        }
        result
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

/// One queue that fails must not keep the others from being served.
fn keep_first(result: StoreResult<()>, error: StoreError) -> StoreResult<()> {
    result.and(Err(error))
}

/// Twice in the shortest admission window, and at least every second.
fn admission_pace(board: &QueueBoard) -> Duration {
    board
        .shortest_window()
        .map_or(EVERY_SECOND, |window| (window / 2).min(EVERY_SECOND))
}
