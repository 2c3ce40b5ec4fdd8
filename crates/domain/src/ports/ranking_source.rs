use async_trait::async_trait;

use super::StoreResult;
use crate::model::{RankedConcert, Span};

/// The database's counts of confirmed seats per concert, from which rankings are computed.
///
/// - Called by: [`TopConcerts`](crate::read_models::TopConcerts).
/// - Implemented by: `MySqlDatabase`, `SqliteDatabase`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RankingSource: Send + Sync {
    /// Returns the `limit` concerts with the most seats confirmed in `span`, the highest count
    /// first. The lower id wins a tie. Concerts without a confirmed seat are left out. Confirmed is
    /// final: a confirmed seat counts from its commit on, however late the commit comes.
    ///
    /// The result is one state of the database, exact to the microsecond. The cost grows with the
    /// number of counters in the span (see [`Span::buckets`](crate::model::Span::buckets)), not
    /// with the number of sales, as long as
    /// [`RankingCounters::add_up`](super::RankingCounters::add_up) keeps up.
    async fn top(&self, span: Span, limit: u8) -> StoreResult<Vec<RankedConcert>>;
}
