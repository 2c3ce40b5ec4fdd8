use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreResult;
use crate::model::{
    Applied, ConcertId, ConcertTitle, Keyed, NewPerformance, PerformanceEdit, PerformanceId,
    PerformanceUse, SeatLabel, Venue, queue::VersionedPolicy,
};

/// The catalogue as operators change it.
///
/// - Called by: [`EditConcerts`](crate::use_cases::EditConcerts),
///   [`DeleteConcerts`](crate::use_cases::DeleteConcerts).
/// - Implemented by: `MySqlDatabase`, `SqliteDatabase`.
///
/// Every change is recorded in the audit table in the same transaction, with its operator and its
/// instant. An edit is recorded with the values before and after it. An edit that changes nothing
/// succeeds and is not recorded.
///
/// At most one performance of a concert starts at the same instant in the same venue. Duplicates
/// from before that rule stay as they are. A performance that is created or moved later obeys it.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ConcertEditor: Send + Sync {
    /// Creates a concert with the policy of its queue, once per key.
    async fn create_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        policy: &VersionedPolicy,
        by: &Operator,
        keyed: Option<Keyed>,
    ) -> StoreResult<CreateConcertOutcome>;

    /// Changes the title of a concert.
    async fn retitle_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        by: &Operator,
    ) -> StoreResult<EditOutcome>;

    /// Creates a performance with all its seats, or nothing: once per key, and once per concert,
    /// start and venue.
    async fn create_performance(
        &self,
        performance: &NewPerformance,
        by: &Operator,
        keyed: Option<Keyed>,
    ) -> StoreResult<CreatePerformanceOutcome>;

    /// Edits a performance of `concert`: the whole edit, or nothing.
    ///
    /// A new plan must keep every seat that is sold, or held by a hold that has not expired by the
    /// store's clock, with its label, section and price. All other seats may be removed, added or
    /// changed. An expired hold is ended first, so that its reservation is *expired*. Earlier
    /// reservations are still returned with the seats and prices that they had.
    async fn edit_performance(
        &self,
        concert: ConcertId,
        id: PerformanceId,
        edit: &PerformanceEdit,
        by: &Operator,
    ) -> StoreResult<EditOutcome>;

    /// Deletes a performance of `concert`, with its seats and its reservations, if none of its
    /// seats is sold, or held by a hold that has not expired by the store's clock. So none of the
    /// deleted reservations was ever confirmed.
    async fn delete_performance(
        &self,
        concert: ConcertId,
        id: PerformanceId,
        by: &Operator,
    ) -> StoreResult<DeletePerformanceOutcome>;

    /// Deletes a concert with its performances, if the master copy of its policy has closed the
    /// queue and each performance may be deleted. Does not check whether a user has a place in the
    /// queue.
    async fn delete_concert(
        &self,
        id: ConcertId,
        by: &Operator,
    ) -> StoreResult<DeleteConcertOutcome>;

    /// Returns the performances that share concert, start and venue with another one: duplicates
    /// from before the rule.
    async fn duplicate_performances(&self) -> StoreResult<Vec<DuplicatePerformance>>;
}

/// The operator who makes a change, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The name of the admin key.
    pub name: String,
    /// When, by the service's clock.
    pub at: Timestamp,
}

/// The outcome of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditOutcome {
    /// The edit is in effect.
    Done,
    /// The new plan lacks or changes these seats, which are held or sold. They are in the order of
    /// the old plan. Nothing was changed.
    SeatsInUse(Vec<SeatLabel>),
    /// This other performance of the concert starts at that instant in that venue. Nothing was
    /// changed.
    SlotTaken(PerformanceId),
    /// There is no such concert or performance.
    NotFound,
}

/// The outcome of creating a concert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateConcertOutcome {
    /// Created by this call or by an earlier one with the same key. In the latter case it may have
    /// been deleted since.
    Created(Applied<ConcertId>),
    /// The key was used for something else.
    KeyReused,
    /// Another call with the same key is under way.
    InProgress,
}

/// The outcome of creating a performance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreatePerformanceOutcome {
    /// Created by this call or by an earlier one with the same key. In the latter case it may have
    /// been deleted since.
    Created(Applied<PerformanceId>),
    /// It existed already, with the very same seats. Nothing was changed, and no key was stored.
    Exists(PerformanceId),
    /// This performance starts at that instant in that venue, with other seats or prices. Nothing
    /// was changed.
    SlotTaken(PerformanceId),
    /// There is no such concert.
    NoSuchConcert,
    /// The key was used for something else.
    KeyReused,
    /// Another call with the same key is under way.
    InProgress,
}

/// The outcome of deleting a performance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletePerformanceOutcome {
    /// It is deleted.
    Deleted,
    /// Some of its seats are held or sold.
    InUse(PerformanceUse),
    /// The concert has no such performance.
    NotFound,
}

/// The outcome of deleting a concert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteConcertOutcome {
    /// It is deleted.
    Deleted,
    /// Its queue is not closed.
    NotClosed,
    /// Some seats of this performance are held or sold.
    InUse(PerformanceId),
    /// There is no such concert.
    NotFound,
}

/// A performance that shares concert, start and venue with another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicatePerformance {
    /// The concert of the performance.
    pub concert: ConcertId,
    /// The id of the performance.
    pub id: PerformanceId,
    /// When it starts.
    pub starts_at: Timestamp,
    /// Its venue.
    pub venue: Venue,
    /// How many of its seats are held or sold.
    pub used: PerformanceUse,
}
