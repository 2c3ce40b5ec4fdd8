use async_trait::async_trait;

use super::{Charged, Paid, StoreResult};
use crate::model::{ConcertId, Keyed, PerformanceId};

/// The effects that keys stand for. They are written by the ports that have the effects, in their
/// transactions: a key is there if and only if its effect is.
///
/// A key belongs to its [`Sender`](crate::model::Sender). The keys of the first edition are honoured as
/// [`Keyed::former_meaning`] says, and are never purged.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Idempotency: Send + Sync {
    /// Returns what the key of a request stands for. Changes nothing.
    async fn find(&self, keyed: &Keyed) -> StoreResult<KeyUse>;

    /// Removes at most `limit` keys that are older than
    /// [`IdempotencyKey::KEPT`](crate::model::IdempotencyKey::KEPT) by the store's clock and whose effects
    /// moved no money ([`Operation::moves_money`](crate::model::Operation::moves_money)); returns how
    /// many. The effects stay.
    async fn purge(&self, limit: u32) -> StoreResult<u32>;
}

/// What the key of a request stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyUse {
    /// Nothing yet.
    New,
    /// The effect of an earlier call of the same request.
    Replayed(EffectOf),
    /// Another request.
    OtherRequest,
}

/// What came of a request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectOf {
    /// A payment, with the reservation as it is now.
    Payment(Paid),
    /// A charge.
    Charge(Charged),
    /// A concert, which may have been deleted since.
    Concert(ConcertId),
    /// A performance, which may have been deleted since.
    Performance(PerformanceId),
}
