use async_trait::async_trait;

use super::StoreResult;
use crate::model::{RankedConcert, Span};

/// The numbers behind the rankings, in the database.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RankingSource: Send + Sync {
    /// The `limit` concerts with most seats confirmed in `span`, best first; ties go to the lower
    /// id. Concerts without any are not in it. Confirmed is final: what was confirmed counts.
    async fn top(&self, span: Span, limit: u8) -> StoreResult<Vec<RankedConcert>>;
}
