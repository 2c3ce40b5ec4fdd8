use async_trait::async_trait;

use super::{Stamped, StoreResult};
use crate::model::{
    ConcertId,
    queue::{PolicyVersion, QueueSeed, SaleCount},
};

/// The waiting rooms as operators and provisioning control them: policy, sale, removal.
///
/// - Called by: [`SeedQueues`](crate::use_cases::SeedQueues),
///   [`ChangeQueuePolicy`](crate::use_cases::ChangeQueuePolicy),
///   [`MarkSale`](crate::use_cases::MarkSale), [`CloseQueues`](crate::use_cases::CloseQueues),
///   [`DeleteConcerts`](crate::use_cases::DeleteConcerts).
/// - Implemented by: `RedisStore`, `MySqlQueue`, `MemoryQueue`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait QueueControl: Send + Sync {
    /// Seeds a queue: gives the store the queue or a newer policy.
    ///
    /// The store takes the policy if it has none or an older version. The policy is in force for
    /// every instance from this instant. A store that has no generation takes the one of the seed.
    /// If the seed has a [`Recovery`](crate::model::queue::Recovery), the queue then recovers for
    /// that long from now ([`Queue`](super::Queue), rule 10).
    async fn seed(&self, seed: &QueueSeed) -> StoreResult<Stamped<SeedOutcome>>;

    /// Returns the version of the policy in force. None if the store lacks the queue.
    async fn policy_version(&self, concert: ConcertId) -> StoreResult<Option<PolicyVersion>>;

    /// Records what was left to buy of the concert when the database counted. A count that is older
    /// than the last one changes nothing. Does nothing if the store lacks the queue.
    async fn set_sale(&self, concert: ConcertId, count: SaleCount) -> StoreResult<()>;

    /// Returns true if no user has a place and no user can re-enter after a loss, so that nothing
    /// is lost if the store ends now. Also true if the store lacks the queue.
    async fn is_empty(&self, concert: ConcertId) -> StoreResult<bool>;

    /// Removes the queue if the policy in force has closed it and no user has a place in it. Checks
    /// and removes in one step. Its tokens are worthless from then on.
    async fn remove(&self, concert: ConcertId) -> StoreResult<RemoveOutcome>;
}

/// The outcome of removing a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveOutcome {
    /// The store lacks the queue: this call removed it, or it was not there before.
    Removed,
    /// The queue is not closed.
    NotClosed,
    /// A user in it is waiting or active.
    NotEmpty,
}

/// The outcome of a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedOutcome {
    /// The policy is in force.
    Taken {
        /// True if the store had lost the queue, which recovers from now.
        recovering: bool,
    },
    /// The store has this very version, or a newer one.
    HasNewer(PolicyVersion),
}
