use async_trait::async_trait;
use jiff::Timestamp;

use super::{Operator, StoreResult};
use crate::model::{
    ConcertId,
    queue::{Generation, PolicyVersion, VersionedPolicy},
};

/// The master copies of the queues' policies, in the database.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait QueuePolicies: Send + Sync {
    /// The master copy of a concert's policy; none where there is no such concert.
    async fn find(&self, concert: ConcertId) -> StoreResult<Option<MasterPolicy>>;

    /// Those of all concerts that are not over: of each without any performance, and of each with a
    /// performance that starts at or after `since`.
    async fn all(&self, since: Timestamp) -> StoreResult<Vec<(ConcertId, MasterPolicy)>>;

    /// Makes `policy` the master copy, if the one there is is still the version that the change is
    /// based on and older than it; notes in the same transaction who did that. So two who change a
    /// policy at the same time do not undo each other's work unseen.
    async fn put(
        &self,
        concert: ConcertId,
        based_on: PolicyVersion,
        policy: &VersionedPolicy,
        by: &Operator,
    ) -> StoreResult<PutOutcome>;

    /// Reserves `generation` for a queue that is about to be given to its store for the first time.
    /// Where one is reserved already, it stays and is returned. So all instances that give the store a
    /// new queue at the same time give it the same generation.
    async fn reserve_generation(
        &self,
        concert: ConcertId,
        generation: Generation,
    ) -> StoreResult<ReserveOutcome>;

    /// Records that the queue's store has it. From then on a store without it has lost it. Does
    /// nothing where there is no such concert.
    async fn mark_seeded(&self, concert: ConcertId) -> StoreResult<()>;

    /// Takes back the record and the reserved generation: the queue's store ended in good order, with
    /// nobody in the queue.
    async fn forget_seeded(&self, concert: ConcertId) -> StoreResult<()>;
}

/// The master copy of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterPolicy {
    /// The policy.
    pub policy: VersionedPolicy,
    /// True when the queue's store is known to have taken it: a store without it has lost it.
    pub seeded: bool,
    /// The generation that is reserved for the queue. None where none was.
    pub reserved: Option<Generation>,
}

/// What came of reserving a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReserveOutcome {
    /// This one is reserved, by this call or by an earlier one.
    Reserved(Generation),
    /// The queue's store had the queue before, so one without it has lost it.
    SeededBefore,
    /// There is no such concert.
    NoSuchConcert,
}

/// What came of changing a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// It is the master copy now.
    Put,
    /// Somebody else has changed it since, or this one is not newer.
    Outdated,
    /// There is no such concert.
    NoSuchConcert,
}
