use async_trait::async_trait;

use super::StoreResult;
use crate::model::{DatabaseId, RunId, StopNumber};

/// The database's record of the clean stops of a program that keeps its queues in memory.
///
/// - Called by: [`CleanRestart`](crate::use_cases::CleanRestart).
/// - Implemented by: `MySqlDatabase`, `SqliteDatabase`.
///
/// Such a program writes its queues into a [`QueueImage`](super::QueueImage) as it stops. The
/// record says which image the next start may use, and it may use it only once.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CleanStops: Send + Sync {
    /// Returns the recorded stop. None if none is recorded. Changes nothing.
    async fn recorded(&self) -> StoreResult<Option<StopNumber>>;

    /// Begins the run `run`: clears the recorded stop and returns it, and makes `run` the only run
    /// that may record the next one. At most one of several concurrent callers gets the stop.
    ///
    /// A database without an id takes `fresh` and keeps it.
    async fn begin(&self, fresh: DatabaseId, run: RunId) -> StoreResult<BegunRun>;

    /// Records `stop` if no other run has begun since `run`. Returns false, and records nothing, if
    /// one has. The record is on the disk when this returns.
    async fn record(&self, run: RunId, stop: StopNumber) -> StoreResult<bool>;
}

/// The state that a run finds when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BegunRun {
    /// The database.
    pub database: DatabaseId,
    /// The stop that was recorded until now. None if the last run did not end with one.
    pub stop: Option<StopNumber>,
}
