use async_trait::async_trait;
use jiff::Timestamp;

use super::{Operator, StoreResult};
use crate::model::{
    ConcertId,
    queue::{Generation, PolicyVersion, VersionedPolicy},
};

/// The master copies of the queues' policies, and the record of seeded queues, in the database.
///
/// - Called by: [`ChangeQueuePolicy`](crate::use_cases::ChangeQueuePolicy),
///   [`SeedQueues`](crate::use_cases::SeedQueues),
///   [`SurveyQueues`](crate::use_cases::SurveyQueues),
///   [`CloseQueues`](crate::use_cases::CloseQueues),
///   [`RecordServed`](crate::use_cases::RecordServed),
///   [`EditConcerts`](crate::use_cases::EditConcerts),
///   [`DeleteConcerts`](crate::use_cases::DeleteConcerts).
/// - Implemented by: `MySqlDatabase`, `SqliteDatabase`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait QueuePolicies: Send + Sync {
    /// Returns the master copy of a concert's policy. None if there is no such concert.
    async fn find(&self, concert: ConcertId) -> StoreResult<Option<MasterPolicy>>;

    /// Returns the master copies of all concerts that are not over: those without any performance,
    /// and those with a performance that starts at or after `since`.
    async fn all(&self, since: Timestamp) -> StoreResult<Vec<(ConcertId, MasterPolicy)>>;

    /// Makes `policy` the master copy, if the present copy still has the version `based_on` and is
    /// older than `policy`. Records the operator in the same transaction. So two operators who
    /// change a policy at the same time do not undo each other's change unnoticed.
    async fn put(
        &self,
        concert: ConcertId,
        based_on: PolicyVersion,
        policy: &VersionedPolicy,
        by: &Operator,
    ) -> StoreResult<PutOutcome>;

    /// Reserves `generation` for a queue that is about to be seeded for the first time. If one is
    /// reserved already, keeps and returns that one. So all instances that seed a new queue at the
    /// same time give it the same generation.
    async fn reserve_generation(
        &self,
        concert: ConcertId,
        generation: Generation,
    ) -> StoreResult<ReserveOutcome>;

    /// Records that the store has the queue. From then on a store without it has lost it. Does
    /// nothing if there is no such concert.
    async fn mark_seeded(&self, concert: ConcertId) -> StoreResult<()>;

    /// Removes that record and the reserved generation: the store ended in good order, with no user
    /// in the queue.
    async fn forget_seeded(&self, concert: ConcertId) -> StoreResult<()>;
}

/// The master copy of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterPolicy {
    /// The policy.
    pub policy: VersionedPolicy,
    /// True if the queue's store is known to have taken the policy: a store without it has lost it.
    pub seeded: bool,
    /// The generation that is reserved for the queue, if any.
    pub reserved: Option<Generation>,
}

/// The outcome of reserving a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReserveOutcome {
    /// This generation is reserved, by this call or by an earlier one.
    Reserved(Generation),
    /// The queue's store had the queue before, so one without it has lost it.
    SeededBefore,
    /// There is no such concert.
    NoSuchConcert,
}

/// The outcome of changing a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// The policy is the master copy now.
    Put,
    /// Another operator has changed it since, or this policy is not newer.
    Outdated,
    /// There is no such concert.
    NoSuchConcert,
}
