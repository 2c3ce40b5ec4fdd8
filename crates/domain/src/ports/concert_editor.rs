use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreResult;
use crate::model::{
    ConcertId, ConcertTitle, NewPerformance, PerformanceId, Venue, queue::VersionedPolicy,
};

/// The catalogue, as its operators write it. Every change is noted in the audit table, in the same
/// transaction, with who made it and when.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ConcertEditor: Send + Sync {
    /// Adds a concert with its queue's policy.
    async fn create_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        policy: &VersionedPolicy,
        by: &Operator,
    ) -> StoreResult<()>;

    /// Gives a concert another title.
    async fn retitle_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        by: &Operator,
    ) -> StoreResult<EditOutcome>;

    /// Adds a performance with all its seats, or nothing of it.
    async fn create_performance(
        &self,
        performance: &NewPerformance,
        by: &Operator,
    ) -> StoreResult<EditOutcome>;

    /// Moves a performance of `concert` to another instant or venue.
    async fn edit_performance(
        &self,
        concert: ConcertId,
        id: PerformanceId,
        starts_at: Timestamp,
        venue: &Venue,
        by: &Operator,
    ) -> StoreResult<EditOutcome>;
}

/// Who makes a change, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The name of the admin key.
    pub name: String,
    /// When, by the service's clock.
    pub at: Timestamp,
}

/// What came of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditOutcome {
    /// It is done.
    Done,
    /// There is no such concert or performance.
    NotFound,
}
