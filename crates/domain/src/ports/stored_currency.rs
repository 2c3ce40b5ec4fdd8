use async_trait::async_trait;

use super::StoreResult;
use crate::model::Currency;

/// The currency of every amount in the database, which is stored with them: amounts are whole minor units,
/// so that in another currency they would be other sums.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait StoredCurrency: Send + Sync {
    /// Stores `currency` if none is stored; returns the one that is. Of callers at the same time with
    /// different currencies all get the same answer.
    async fn adopt(&self, currency: Currency) -> StoreResult<Currency>;
}
