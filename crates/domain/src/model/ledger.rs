//! The points ledger: every change of a balance is a row, and the rows add up to the balance.

use jiff::Timestamp;

use super::{Amount, LedgerEntryId, ReservationId, UserId};

/// Why a balance changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerReason {
    /// Points were added.
    Charge,
    /// Points were spent on this reservation.
    Payment(ReservationId),
}

/// One change of a user's balance. Never edited, never deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its id.
    pub id: LedgerEntryId,
    /// The user whose balance changed.
    pub user: UserId,
    /// Its number among the user's entries, from 1 and without gaps. In this order each balance
    /// follows from the one before.
    pub seq: u64,
    /// Why the balance changed.
    pub reason: LedgerReason,
    /// The amount of the change. The reason decides its direction.
    pub amount: Amount,
    /// The balance after the change.
    pub balance: Balance,
    /// When the balance changed, by the store's clock.
    pub at: Timestamp,
}

/// The points that a user can spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance(pub Amount);

impl Balance {
    /// Returns the balance after adding points. None if it would be over [`Amount::MAX`].
    #[must_use]
    pub fn charged(self, amount: Amount) -> Option<Self> {
        self.0.checked_add(amount).map(Self)
    }

    /// Returns the balance after spending points. None if there are not enough.
    #[must_use]
    pub fn spent(self, amount: Amount) -> Option<Self> {
        self.0.checked_sub(amount).map(Self)
    }
}

/// A user's balance and the number of the ledger entry that led to it. Both change together, in the
/// transaction that writes the next entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    /// The points that the user can spend.
    pub balance: Balance,
    /// The number of the last entry; 0 before the first.
    pub last_seq: u64,
}

impl Account {
    /// The account once an entry has led to `balance`.
    #[must_use]
    pub fn followed_by(self, balance: Balance) -> Self {
        Self {
            balance,
            last_seq: self.last_seq + 1,
        }
    }
}
