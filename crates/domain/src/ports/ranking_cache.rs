use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreResult;
use crate::model::{Period, Ranking};

/// Computed rankings, and the leases to compute the next ones, shared by all instances that use the
/// same cache.
///
/// - Called by: [`TopConcerts`](crate::read_models::TopConcerts).
/// - Implemented by: `RedisStore`, `MemoryRankingCache`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RankingCache: Send + Sync {
    /// Returns the cached ranking of a period. None if there is none or it has expired at `now`.
    async fn get(&self, period: Period, now: Timestamp) -> StoreResult<Option<Ranking>>;

    /// Stores a ranking until `until`, in place of the previous one.
    async fn put(&self, ranking: &Ranking, until: Timestamp) -> StoreResult<()>;

    /// Tries to take the lease for computing the successor of the ranking of `period` as of
    /// `after`, or the first ranking if `after` is none. Returns true to the first caller. Returns
    /// false to others until `until`, unless the lease was released, or lost with the cache's data,
    /// meanwhile. The lease restricts only this call: rankings can be read and stored without it.
    async fn claim(
        &self,
        period: Period,
        after: Option<Timestamp>,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<bool>;

    /// Ends a lease early, because its holder could not compute that ranking.
    async fn release(&self, period: Period, after: Option<Timestamp>) -> StoreResult<()>;
}
