use async_trait::async_trait;

use super::{Operator, StoreResult};
use crate::model::{
    ConcertId,
    queue::{PolicyVersion, VersionedPolicy},
};

/// The master copies of the queues' policies, in the database.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait QueuePolicies: Send + Sync {
    /// The master copy of a concert's policy; none where there is no such concert.
    async fn find(&self, concert: ConcertId) -> StoreResult<Option<MasterPolicy>>;

    /// Those of all concerts.
    async fn all(&self) -> StoreResult<Vec<(ConcertId, MasterPolicy)>>;

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

    /// Notes that the queue is being given to its store, before it is; true where that was noted
    /// before. From then on a store that has no such queue has lost it.
    async fn mark_seeded(&self, concert: ConcertId) -> StoreResult<bool>;

    /// Takes that note back: the queue's store ended in good order, with nobody in the queue.
    async fn forget_seeded(&self, concert: ConcertId) -> StoreResult<()>;
}

/// The master copy of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterPolicy {
    /// The policy.
    pub policy: VersionedPolicy,
    /// True when the queue was given to its store before.
    pub seeded: bool,
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
