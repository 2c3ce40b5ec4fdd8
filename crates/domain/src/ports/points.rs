use async_trait::async_trait;

use super::StoreResult;
use crate::model::{Amount, Applied, Balance, Keyed, LedgerEntryId, UserId};

/// The users' points: balances and charges.
///
/// - Called by: [`ChargePoints`](crate::use_cases::ChargePoints).
/// - Implemented by: `MySqlDatabase`, `SqliteDatabase`.
///
/// The sum of a user's ledger rows is their balance at every instant. The rows are numbered in the
/// order in which their balances follow from each other.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Points: Send + Sync {
    /// Returns what a user can spend: zero for a user who never charged.
    async fn balance(&self, user: &UserId) -> StoreResult<Balance>;

    /// Adds points, once per key.
    async fn charge(&self, charge: &Charge) -> StoreResult<ChargeOutcome>;
}

/// A request to add points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The id of the ledger row.
    pub entry: LedgerEntryId,
    /// The user whose balance grows.
    pub user: UserId,
    /// The amount, not zero.
    pub amount: Amount,
    /// The client's key and the request that it stands for.
    pub keyed: Keyed,
    /// The operator who charges. None where users charge their own points.
    pub operator: Option<super::Operator>,
}

/// Points that were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    /// The amount.
    pub amount: Amount,
    /// The balance right after the charge.
    pub balance: Balance,
}

/// The outcome of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// Charged by this call or by an earlier one with the same key.
    Charged(Applied<Charged>),
    /// The key was used for something else.
    KeyReused,
    /// Another call with the same key is under way.
    InProgress,
    /// The balance would be over [`Amount::MAX`].
    TooMuch,
}
