use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreResult;
use crate::model::{
    Applied, ConcertId, ConcertTitle, Keyed, NewPerformance, PerformanceEdit, PerformanceId,
    PerformanceUse, SeatLabel, Venue, queue::VersionedPolicy,
};

/// The catalogue, as its operators write it. Every change is noted in the audit table, in the same
/// transaction, with who made it and when; an edit with what was there before and what is there now.
/// An edit that changes nothing is done, and not noted.
///
/// Of a concert at most one performance starts at an instant in a venue. Duplicates from before that
/// rule stay as they are; what is created or moved later obeys it.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ConcertEditor: Send + Sync {
    /// Adds a concert with its queue's policy, once a key.
    async fn create_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        policy: &VersionedPolicy,
        by: &Operator,
        keyed: Option<Keyed>,
    ) -> StoreResult<CreateConcertOutcome>;

    /// Gives a concert another title.
    async fn retitle_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        by: &Operator,
    ) -> StoreResult<EditOutcome>;

    /// Adds a performance with all its seats, or nothing of it; once a key, and once for its concert,
    /// start and venue.
    async fn create_performance(
        &self,
        performance: &NewPerformance,
        by: &Operator,
        keyed: Option<Keyed>,
    ) -> StoreResult<CreatePerformanceOutcome>;

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

    /// Deletes a performance of `concert` of which no seat is sold, or held by a hold that is not over by
    /// the store's clock; with its seats, and with its reservations, none of which was ever confirmed.
    async fn delete_performance(
        &self,
        concert: ConcertId,
        id: PerformanceId,
        by: &Operator,
    ) -> StoreResult<DeletePerformanceOutcome>;

    /// Deletes a concert whose queue is closed by the master copy of its policy, with its performances,
    /// if each of them may be deleted. Nobody looks here whether anybody is in the queue.
    async fn delete_concert(
        &self,
        id: ConcertId,
        by: &Operator,
    ) -> StoreResult<DeleteConcertOutcome>;

    /// Returns the performances that share concert, start and venue with another one: duplicates from
    /// before the rule.
    async fn duplicate_performances(&self) -> StoreResult<Vec<DuplicatePerformance>>;
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
    /// This other performance of the concert starts at that instant in that venue. Nothing was changed.
    SlotTaken(PerformanceId),
    /// There is no such concert or performance.
    NotFound,
}

/// What came of creating a concert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateConcertOutcome {
    /// It is there, by this call or by an earlier one with the same key, and may have been deleted since
    /// then.
    Created(Applied<ConcertId>),
    /// The key was used for something else.
    KeyReused,
    /// Another call with the same key is under way.
    InProgress,
}

/// What came of creating a performance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreatePerformanceOutcome {
    /// It is there, by this call or by an earlier one with the same key, and may have been deleted since
    /// then.
    Created(Applied<PerformanceId>),
    /// It was there, with the very same seats: nothing was changed, and no key was stored.
    Exists(PerformanceId),
    /// This performance starts at that instant in that venue, with other seats or prices. Nothing was
    /// changed.
    SlotTaken(PerformanceId),
    /// There is no such concert.
    NoSuchConcert,
    /// The key was used for something else.
    KeyReused,
    /// Another call with the same key is under way.
    InProgress,
}

/// What came of deleting a performance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletePerformanceOutcome {
    /// It is gone.
    Deleted,
    /// Some of its seats are held or sold.
    InUse(PerformanceUse),
    /// The concert has no such performance.
    NotFound,
}

/// What came of deleting a concert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteConcertOutcome {
    /// It is gone.
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
    /// Whose performance it is.
    pub concert: ConcertId,
    /// Which one.
    pub id: PerformanceId,
    /// When it starts.
    pub starts_at: Timestamp,
    /// Where.
    pub venue: Venue,
    /// How many of its seats are held or sold.
    pub used: PerformanceUse,
}
