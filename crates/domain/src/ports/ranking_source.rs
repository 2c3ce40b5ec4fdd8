use async_trait::async_trait;

use super::StoreResult;
use crate::model::{RankedConcert, Span};

/// The numbers behind the rankings, in the database.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RankingSource: Send + Sync {
    /// The `limit` concerts with most seats confirmed in `span`, best first; ties go to the lower
    /// id. Concerts without any are not in it. Confirmed is final: what was confirmed counts, from
    /// its commit on, whenever that comes.
    ///
    /// One state of the database, exact to the microsecond. It costs as much as the span has counters
    /// (see [`Span::buckets`](crate::model::Span::buckets)), however much was sold, as long as
    /// [`RankingCounters::add_up`](super::RankingCounters::add_up) keeps up.
    async fn top(&self, span: Span, limit: u8) -> StoreResult<Vec<RankedConcert>>;
}
