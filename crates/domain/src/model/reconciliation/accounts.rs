//! The check that a user's balance follows from the ledger.

use super::{AccountBooks, BookedEntry, Difference};
use crate::model::LedgerReason;

impl AccountBooks {
    /// Returns the differences. Empty if balance and ledger agree.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let user = || self.user.clone();
        let mut found = Vec::new();
        let sum = self.entries.iter().map(BookedEntry::change).sum();
        let balance = self.account.balance.0;
        if sum != balance.minor_units() {
            found.push(Difference::Balance {
                user: user(),
                balance,
                sum,
            });
        }
        // Entries from before entries had numbers come first.
        let unnumbered = self.entries.iter().filter(|entry| entry.seq.is_none());
        let mut balance: i64 = unnumbered.map(BookedEntry::change).sum();
        let mut last = 0;
        for entry in &self.entries {
            let Some(seq) = entry.seq else { continue };
            let written = entry.balance.0;
            if seq != last + 1 || balance + entry.change() != written.minor_units() {
                found.push(Difference::Order {
                    user: user(),
                    seq,
                    found: written,
                });
            }
            (last, balance) = (seq, written.minor_units());
        }
        found.extend(self.strays.iter().map(|stray| Difference::Stray {
            user: user(),
            reservation: *stray,
        }));
        if last != self.account.last_seq {
            found.push(Difference::LastEntry {
                user: user(),
                last: self.account.last_seq,
                found: last,
            });
        }
        found
    }
}

impl BookedEntry {
    /// The change of the balance in minor units.
    fn change(&self) -> i64 {
        match self.reason {
            LedgerReason::Charge => self.amount.minor_units(),
            LedgerReason::Payment(_) => -self.amount.minor_units(),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{Account, Amount, Balance, ReservationId, UserId};

    const RESERVATION: ReservationId = ReservationId(Uuid::from_u128(2));

    fn amount(minor_units: i64) -> Amount {
        Amount::try_from(minor_units).unwrap()
    }

    fn entry(seq: Option<u64>, change: i64, balance: i64) -> BookedEntry {
        BookedEntry {
            seq,
            reason: if change > 0 {
                LedgerReason::Charge
            } else {
                LedgerReason::Payment(RESERVATION)
            },
            amount: amount(change.abs()),
            balance: Balance(amount(balance)),
        }
    }

    fn account(balance: i64, last_seq: u64, entries: &[BookedEntry]) -> Vec<String> {
        let books = AccountBooks {
            user: UserId::try_from("ann").unwrap(),
            account: Account {
                balance: Balance(amount(balance)),
                last_seq,
            },
            entries: entries.to_vec(),
            strays: Vec::new(),
        };
        books
            .differences()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn accounts_add_up_in_their_order() {
        let none: [&str; 0] = [];
        assert_eq!(account(0, 0, &[]), none);
        let charged = entry(Some(1), 5, 5);
        let paid = entry(Some(2), -2, 3);
        assert_eq!(account(3, 2, &[charged, paid]), none);
        assert_eq!(
            account(8, 1, &[entry(None, 3, 3), entry(Some(1), 5, 8)]),
            none
        );
        assert_eq!(
            account(4, 2, &[charged, paid]),
            ["account ann: the balance is 4, the ledger adds up to 3"]
        );
        assert_eq!(
            account(3, 2, &[charged, entry(Some(2), -2, 4)]),
            ["account ann: entry 2, with the balance 4, does not follow from the one before"]
        );
        assert_eq!(
            account(3, 3, &[charged, entry(Some(3), -2, 3)]),
            ["account ann: entry 3, with the balance 3, does not follow from the one before"]
        );
        assert_eq!(
            account(3, 2, &[entry(None, 5, 5), entry(Some(2), -2, 3)]),
            ["account ann: entry 2, with the balance 3, does not follow from the one before"]
        );
        assert_eq!(
            account(3, 1, &[charged, paid]),
            ["account ann: its last entry is 1, the ledger's is 2"]
        );
    }

    #[test]
    fn a_payment_for_a_missing_reservation_is_named() {
        let books = AccountBooks {
            user: UserId::try_from("ann").unwrap(),
            account: Account {
                balance: Balance(amount(0)),
                last_seq: 2,
            },
            entries: vec![entry(Some(1), 2, 2), entry(Some(2), -2, 0)],
            strays: vec![RESERVATION],
        };
        let stray = Difference::Stray {
            user: books.user.clone(),
            reservation: RESERVATION,
        };
        assert_eq!(books.differences(), [stray]);
    }
}
