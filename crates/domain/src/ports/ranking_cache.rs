use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreResult;
use crate::model::{Period, Ranking};

/// Rankings that were computed, shared by the instances of the service where the cache is.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RankingCache: Send + Sync {
    /// The cached ranking of a period; none where there is none or it is past its end at `now`.
    async fn get(&self, period: Period, now: Timestamp) -> StoreResult<Option<Ranking>>;

    /// Keeps a ranking until `until`, in place of the one that was there.
    async fn put(&self, ranking: &Ranking, until: Timestamp) -> StoreResult<()>;

    /// True for the first who asks to compute what comes after the ranking of `period` as of `after`, or
    /// the first one; false for whoever asks that before `until`, unless the claim was released, or lost
    /// with the cache's data, meanwhile. It binds nobody else: rankings are read and put as ever.
    async fn claim(
        &self,
        period: Period,
        after: Option<Timestamp>,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<bool>;

    /// Ends a claim before its time: who had it could not compute that ranking.
    async fn release(&self, period: Period, after: Option<Timestamp>) -> StoreResult<()>;
}
