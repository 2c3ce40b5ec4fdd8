use async_trait::async_trait;

use super::{Stamped, StoreResult};
use crate::model::{
    ConcertId,
    queue::{AdmissionWindow, PolicyVersion, QueueView, Served, Throughput},
};

/// The waiting rooms, as the jobs move them on.
///
/// Any number of instances may tick the same queue at any time: what a tick does is decided in the
/// store. A tick does at most `limit` pieces of work, so that it holds up nobody for long; `more` in
/// its report says whether work is left.
///
/// Any tick is a sign of service: see [`Deadlines`](crate::model::queue::Deadlines).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait QueueTicks: Send + Sync {
    /// The queues in which anybody has, or lately had, a place.
    async fn busy(&self) -> StoreResult<Vec<ConcertId>>;

    /// Admits those at the head of the line, as many as state and policy let in now, strictly in
    /// order: adds each to the active before taking it from the waiting.
    async fn admit(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>>;

    /// Removes places that are past their end. Readers do not see them in any case.
    async fn expire(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>>;

    /// Up to which arrival every user was admitted or has gone
    /// ([`QueueTerms::served`](crate::model::queue::QueueTerms::served)). A user who stands aside
    /// or has returned still waits. None where no user was admitted, or the store does not have the
    /// queue. Changes nothing.
    async fn served(&self, concert: ConcertId) -> StoreResult<Stamped<Option<Served>>>;
}

/// What came of a tick.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TickOutcome {
    /// It was done.
    Ticked(TickReport),
    /// The store has no such queue: it was never given it, or has lost it.
    NotSeeded,
}

/// What a tick did, and how the queue stands after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TickReport {
    /// How many places it admitted or removed.
    pub done: u32,
    /// True when it stopped at its limit with work left.
    pub more: bool,
    /// How many wait.
    pub waiting: u64,
    /// How many of them stand aside.
    pub aside: u64,
    /// How many are active.
    pub active: u64,
    /// How many have left the line since the store has this queue, by admission or otherwise.
    pub departed: u64,
    /// How many users were admitted from the line since the store has this queue.
    pub admitted: u64,
    /// The version of the policy in force.
    pub policy_version: PolicyVersion,
    /// The limit in time of the policy in force. None where it has none.
    pub throughput: Option<Throughput>,
    /// The admission window as of the report. None where none was started, or where the policy has
    /// no throughput.
    pub window: Option<AdmissionWindow>,
    /// What the queue is like.
    pub queue: QueueView,
}
