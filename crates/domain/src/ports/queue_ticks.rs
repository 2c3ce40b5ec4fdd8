use async_trait::async_trait;

use super::{Stamped, StoreResult};
use crate::model::{
    ConcertId,
    queue::{AdmissionWindow, PolicyVersion, QueueView, Served, Throughput},
};

/// The waiting rooms as jobs move them on: admit users, remove expired places.
///
/// - Called by: [`TickQueue`](crate::use_cases::TickQueue),
///   [`RecordServed`](crate::use_cases::RecordServed),
///   [`SurveyQueues`](crate::use_cases::SurveyQueues).
/// - Implemented by: `RedisStore`, `MySqlQueue`, `MemoryQueue`.
///
/// Any number of instances may tick the same queue at any time: the store decides what a tick does.
/// A tick admits or removes at most `limit` places, so that it does not hold up other calls for
/// long. `more` in its report says whether work is left.
///
/// Any tick counts as service: see [`Deadlines`](crate::model::queue::Deadlines).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait QueueTicks: Send + Sync {
    /// Returns the queues in which a user has, or lately had, a place.
    async fn busy(&self) -> StoreResult<Vec<ConcertId>>;

    /// Admits users from the head of the line, as many as state and policy admit now, strictly in
    /// order. Adds each to the active places before removing it from the waiting ones.
    async fn admit(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>>;

    /// Removes expired places. Readers do not see them in any case.
    async fn expire(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>>;

    /// Returns the arrival up to which every user was admitted or has gone
    /// ([`QueueTerms::served`](crate::model::queue::QueueTerms::served)). A user who stands aside
    /// or is next in line still waits. None if no user was admitted, or the store lacks the queue.
    /// Changes nothing.
    async fn served(&self, concert: ConcertId) -> StoreResult<Stamped<Option<Served>>>;
}

/// The outcome of a tick.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TickOutcome {
    /// The tick was done.
    Ticked(TickReport),
    /// The store lacks the queue: it was never seeded, or the store has lost it.
    NotSeeded,
}

/// The work of a tick, and the state of the queue after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TickReport {
    /// Number of places that it admitted or removed.
    pub done: u32,
    /// True if it stopped at its limit with work left.
    pub more: bool,
    /// Number of waiting users.
    pub waiting: u64,
    /// Number of waiting users who stand aside.
    pub aside: u64,
    /// Number of active places.
    pub active: u64,
    /// Number of users who went out of the line since the store has this queue, by admission or
    /// otherwise.
    pub departed: u64,
    /// Number of users admitted from the line since the store has this queue.
    pub admitted: u64,
    /// The version of the policy in force.
    pub policy_version: PolicyVersion,
    /// The throughput of the policy in force, if it has one.
    pub throughput: Option<Throughput>,
    /// The admission window as of the report. None if none was started, or if the policy has no
    /// throughput.
    pub window: Option<AdmissionWindow>,
    /// The public state of the queue.
    pub queue: QueueView,
}
