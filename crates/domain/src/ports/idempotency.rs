use async_trait::async_trait;

use super::{Charged, Paid, StoreResult};
use crate::model::{ConcertId, Keyed, PerformanceId};

/// The idempotency keys that were used, and the effect of each.
///
/// - Called by: [`PayReservation`](crate::use_cases::PayReservation),
///   [`ChargePoints`](crate::use_cases::ChargePoints),
///   [`EditConcerts`](crate::use_cases::EditConcerts), [`PurgeKeys`](crate::use_cases::PurgeKeys).
/// - Implemented by: `MySqlDatabase`, `SqliteDatabase`.
///
/// The port that has an effect writes its key in the same transaction, so a key exists if and only
/// if its effect does. A key belongs to its [`Sender`](crate::model::Sender). The keys of the first
/// edition are honoured as [`Keyed::former_meaning`] says, and are never purged.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Idempotency: Send + Sync {
    /// Returns the effect of the key of a request, if it was used. Changes nothing.
    async fn find(&self, keyed: &Keyed) -> StoreResult<KeyUse>;

    /// Removes at most `limit` keys that are older than
    /// [`IdempotencyKey::KEPT`](crate::model::IdempotencyKey::KEPT) by the store's clock and whose
    /// effects moved no money ([`Operation::moves_money`](crate::model::Operation::moves_money)).
    /// Returns the number of removed keys. The effects stay.
    async fn purge(&self, limit: u32) -> StoreResult<u32>;
}

/// The use of the key of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyUse {
    /// Nothing yet.
    New,
    /// The effect of an earlier call of the same request.
    Replayed(EffectOf),
    /// Another request.
    OtherRequest,
}

/// The effect of a request with a key.
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
