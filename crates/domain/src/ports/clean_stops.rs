use async_trait::async_trait;

use super::StoreResult;
use crate::model::{DatabaseId, RunId, StopNumber};

/// The record of clean stops of a program that keeps its queues in its memory, in the database.
///
/// Such a program writes its queues into a [`QueueImage`](super::QueueImage) as it stops. The
/// record says which image the next start may use, and once only.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CleanStops: Send + Sync {
    /// The stop that is recorded. None where none is. Changes nothing.
    async fn recorded(&self) -> StoreResult<Option<StopNumber>>;

    /// Begins the run `run`: clears the recorded stop and returns it, and makes `run` the only run
    /// that may record the next one. Of callers at the same time at most one gets the stop.
    ///
    /// A database without an id takes `fresh` and keeps it.
    async fn begin(&self, fresh: DatabaseId, run: RunId) -> StoreResult<BegunRun>;

    /// Records `stop` if no other run has begun since `run`. Returns false where one has: nothing
    /// is recorded then. What is recorded is on the disk.
    async fn record(&self, run: RunId, stop: StopNumber) -> StoreResult<bool>;
}

/// What a run finds as it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BegunRun {
    /// The database.
    pub database: DatabaseId,
    /// The stop that was recorded until now. None where the last run did not end with one.
    pub stop: Option<StopNumber>,
}
