use async_trait::async_trait;

use super::StoreResult;
use crate::model::Currency;

/// The currency of all amounts in the database.
///
/// - Called by: the wiring of `frontrow-app`, at every start.
/// - Implemented by: `MySqlDatabase`, `SqliteDatabase`.
///
/// It is stored with the amounts because they are whole minor units: in another currency they would
/// be other sums.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait StoredCurrency: Send + Sync {
    /// Stores `currency` if none is stored. Returns the stored one. Concurrent callers with
    /// different currencies all get the same answer.
    async fn adopt(&self, currency: Currency) -> StoreResult<Currency>;
}
