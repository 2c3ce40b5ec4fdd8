use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreResult;

/// The counters that [`RankingSource`](super::RankingSource) adds up, so that the cost of a ranking
/// grows with the number of counters and not with the number of sales.
///
/// - Called by: [`RollUpSales`](crate::use_cases::RollUpSales),
///   [`PruneCounters`](crate::use_cases::PruneCounters).
/// - Implemented by: `MySqlDatabase`, `SqliteDatabase`.
///
/// Neither call changes what the source returns, except for spans whose counters were dropped: a
/// sale that is not in a counter yet is counted by itself. Any number of instances may make each
/// call at once.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RankingCounters: Send + Sync {
    /// Adds at most `limit` confirmed reservations, the earliest first, to the counters. Each is
    /// added exactly once, even if an instance dies at any moment. Returns the number of added
    /// reservations. Fewer than `limit` means that no more were found. A store that counts as it
    /// sells has none to add.
    async fn add_up(&self, limit: u32) -> StoreResult<u32>;

    /// Drops at most `limit` counters of less than a day that begin before `before`. Returns the
    /// number of dropped counters. From then on the bounds of a span must not be earlier than
    /// `before`, or must be whole days in UTC.
    async fn forget(&self, before: Timestamp, limit: u32) -> StoreResult<u32>;
}
