use async_trait::async_trait;

use super::StoreResult;
use crate::model::{
    ConcertId,
    queue::{Arrival, ServedEntry},
};

/// Which users the queues have served, in the database: what the queues' store has lost with a
/// queue.
///
/// A series of entries for each queue: one for each slot of 10 s in which one was recorded.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ServedArrivals: Send + Sync {
    /// Adds an entry to the series of a queue. Several instances may record the same slot: the
    /// latest instant wins. In the same transaction removes what counts no more: the entries before
    /// the last one that is older than an active place can last, with its breaks of service
    /// ([`settled_slot`](ServedEntry::settled_slot)), and those from before a step back of the
    /// clock ([`last_slot`](ServedEntry::last_slot)). Does nothing where there is no such concert.
    /// A concert that is deleted takes its series along.
    async fn record(&self, concert: ConcertId, entry: &ServedEntry) -> StoreResult<()>;

    /// The arrival up to which users of a lost queue do not re-enter
    /// ([`ServedEntry::before_loss`]). None where everybody does.
    async fn served_before_loss(&self, concert: ConcertId) -> StoreResult<Option<Arrival>>;
}
