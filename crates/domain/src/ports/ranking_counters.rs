use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreResult;

/// The counters from which [`RankingSource`](super::RankingSource) makes its sums, so that a ranking
/// costs counters and not sales.
///
/// Neither call changes what the source answers, except that of what was forgotten: what is not in a
/// counter yet is counted one by one. Each may be called by any number of instances at once.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RankingCounters: Send + Sync {
    /// Adds at most `limit` confirmed reservations, the earliest first, to the counters, each once,
    /// whoever dies when; gives how many that were. Fewer than `limit` means that no more was to be
    /// found. A store that counts as it sells has none to add.
    async fn add_up(&self, limit: u32) -> StoreResult<u32>;

    /// Drops at most `limit` counters of less than a day that begin before `before`; gives how many
    /// that were. From then on the ends of a span must not be earlier, or be whole days in UTC.
    async fn forget(&self, before: Timestamp, limit: u32) -> StoreResult<u32>;
}
