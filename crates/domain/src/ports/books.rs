use async_trait::async_trait;

use super::StoreResult;
use crate::model::{AccountBooks, PerformanceId, PerformanceRecords, UserId};

/// The rows about money and seats as they are written, to check that they agree with each other.
///
/// - Called by: [`Reconcile`](crate::use_cases::Reconcile).
/// - Implemented by: `MySqlDatabase`, `SqliteDatabase`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Books: Send + Sync {
    /// Returns at most `limit` accounts in the order of their users, from the first after `after`
    /// on. Each account has all of its ledger entries, as of one instant. Users who have ledger
    /// entries and no balance are included.
    async fn accounts(&self, after: Option<UserId>, limit: u32) -> StoreResult<Vec<AccountBooks>>;

    /// Returns at most `limit` performances in the order of their ids, from the first after `after`
    /// on.
    async fn performances(
        &self,
        after: Option<PerformanceId>,
        limit: u32,
    ) -> StoreResult<Vec<PerformanceId>>;

    /// Returns what is written about the seats of a performance, as of one instant. None if there
    /// is no such performance.
    async fn performance(&self, id: PerformanceId) -> StoreResult<Option<PerformanceRecords>>;
}
