use async_trait::async_trait;
use jiff::Timestamp;

use super::{Charged, Paid, StoreResult};
use crate::model::{IdempotencyKey, RequestDigest, UserId};

/// The effects that keys stand for. They are written by the ports that have the effects, in their
/// transactions: a key is there if and only if its effect is.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Idempotency: Send + Sync {
    /// What a user's key stands for; none where it has had no effect, or too long ago.
    async fn find(&self, user: &UserId, key: &IdempotencyKey) -> StoreResult<Option<Remembered>>;

    /// Forgets at most `limit` keys whose effects came before `before`; gives how many. The effects
    /// stay. One that is not older than [`IdempotencyKey::KEPT`] by the store's own clock stays too,
    /// whatever the caller's clock says.
    async fn purge(&self, before: Timestamp, limit: u32) -> StoreResult<u32>;
}

/// What a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// What was asked for under it.
    pub digest: RequestDigest,
    /// What came of it.
    pub effect: EffectOf,
}

/// What came of a request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectOf {
    /// A payment.
    Payment(Paid),
    /// A charge.
    Charge(Charged),
}
