use async_trait::async_trait;

use super::{Stamped, StoreResult};
use crate::model::{
    ConcertId,
    queue::{PolicyVersion, QueueSeed, SaleCount},
};

/// The waiting rooms, as their operators and the jobs that keep them supplied see them.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait QueueControl: Send + Sync {
    /// Gives the store a queue and its policy.
    ///
    /// The policy is taken where the store has none or an older version; it is in force for every
    /// instance from this instant. A store that has no generation takes the seed's: and where the
    /// seed says how to recover, the queue recovers for that long from now
    /// ([`Queue`](super::Queue), promise 10).
    async fn seed(&self, seed: &QueueSeed) -> StoreResult<Stamped<SeedOutcome>>;

    /// Which version of the policy is in force; none where the store does not have the queue.
    async fn policy_version(&self, concert: ConcertId) -> StoreResult<Option<PolicyVersion>>;

    /// Tells the queue what was left to buy of the concert when the database counted. A count that
    /// is older than the last one changes nothing. Does nothing where the store does not have the
    /// queue.
    async fn set_sale(&self, concert: ConcertId, count: SaleCount) -> StoreResult<()>;

    /// True when nobody has a place, and nobody can bring one back from before a loss: so nothing is
    /// lost when the store ends now.
    async fn is_empty(&self, concert: ConcertId) -> StoreResult<bool>;

    /// Removes the queue if the policy in force has closed it and nobody has a place in it; checked and
    /// done in one step. Tokens of it are of no use from then on.
    async fn remove(&self, concert: ConcertId) -> StoreResult<RemoveOutcome>;
}

/// What came of removing a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveOutcome {
    /// The store does not have it, by this call or from before.
    Removed,
    /// It is not closed.
    NotClosed,
    /// Somebody waits in it or is active.
    NotEmpty,
}

/// What came of seeding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedOutcome {
    /// The policy is in force.
    Taken {
        /// True when the store had lost the queue and recovers it from now.
        recovering: bool,
    },
    /// The store has this very version, or a newer one.
    HasNewer(PolicyVersion),
}
