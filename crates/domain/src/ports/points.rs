use async_trait::async_trait;

use super::StoreResult;
use crate::model::{Amount, Applied, Balance, Keyed, LedgerEntryId, UserId};

/// The users' points. The sum of a user's ledger rows is their balance, at every instant, and the rows are
/// numbered in the order in which their balances follow from each other.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Points: Send + Sync {
    /// What a user can spend; nothing for a user who never charged.
    async fn balance(&self, user: &UserId) -> StoreResult<Balance>;

    /// Adds points, once a key.
    async fn charge(&self, charge: &Charge) -> StoreResult<ChargeOutcome>;
}

/// Points to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The name of the ledger row.
    pub entry: LedgerEntryId,
    /// Whose balance.
    pub user: UserId,
    /// How much; not zero.
    pub amount: Amount,
    /// The client's key and what it stands for.
    pub keyed: Keyed,
    /// The operator who does it; none where users charge their own points.
    pub operator: Option<super::Operator>,
}

/// Points that were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    /// How much.
    pub amount: Amount,
    /// The balance right after it.
    pub balance: Balance,
}

/// What came of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// It is done, by this call or by an earlier one with the same key.
    Charged(Applied<Charged>),
    /// The key was used for something else.
    KeyReused,
    /// Another call with the same key is under way.
    InProgress,
    /// The balance would be over [`Amount::MAX`].
    TooMuch,
}
