use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreResult;
use crate::model::{
    ConcertId, ConcertTitle, NewPerformance, PerformanceEdit, PerformanceId, SeatLabel,
    queue::VersionedPolicy,
};

/// The catalogue, as its operators write it. Every change is noted in the audit table, in the same
/// transaction, with who made it and when; an edit with what was there before and what is there now.
/// An edit that changes nothing is done, and not noted.
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

    /// Edits a performance of `concert`: all that is asked for, or nothing.
    ///
    /// A new plan must have every seat that is sold, or held by a hold that is not over by the
    /// store's clock, under its label and with its section and price. All other seats may go, come
    /// and change; a hold that is over is ended first, so that its reservation has expired. What was
    /// reserved before is still told with the seats and prices that it had.
    async fn edit_performance(
        &self,
        concert: ConcertId,
        id: PerformanceId,
        edit: &PerformanceEdit,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditOutcome {
    /// It is done.
    Done,
    /// The new plan lacks or changes these seats, which are held or sold; they are in the order of
    /// the old plan. Nothing was changed.
    SeatsInUse(Vec<SeatLabel>),
    /// There is no such concert or performance.
    NotFound,
}
