use std::sync::Arc;

use crate::{
    model::Difference,
    ports::{Books, StoreResult},
};

/// Checks whether the rows about money and seats agree with each other. Changes nothing.
pub struct Reconcile {
    /// The rows.
    pub books: Arc<dyn Books>,
}

/// The counts of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reconciled {
    /// The number of accounts.
    pub accounts: u64,
    /// The number of performances.
    pub performances: u64,
    /// The number of differences found.
    pub differences: u64,
}

impl Reconcile {
    /// The maximum number of accounts, or performances, that one call of the database reads.
    const PAGE: u32 = 200;

    /// Checks all accounts and performances, and calls `report` with each difference. Each account
    /// and each performance is read as of one instant, so a service that goes on meanwhile causes
    /// no difference.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run(&self, mut report: impl FnMut(&Difference) + Send) -> StoreResult<Reconciled> {
        let mut done = Reconciled::default();
        let mut note = |differences: &[Difference]| {
            differences.iter().for_each(&mut report);
            differences.len() as u64
        };
        let mut after = None;
        loop {
            let page = self.books.accounts(after, Self::PAGE).await?;
            for account in &page {
                done.accounts += 1;
                done.differences += note(&account.differences());
            }
            let Some(last) = page.into_iter().last() else {
                break;
            };
            after = Some(last.user);
        }
        let mut after = None;
        loop {
            let page = self.books.performances(after, Self::PAGE).await?;
            for id in &page {
                // The performance may have been deleted since.
                if let Some(records) = self.books.performance(*id).await? {
                    done.performances += 1;
                    done.differences += note(&records.differences());
                }
            }
            let Some(last) = page.last() else { break };
            after = Some(*last);
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Account, AccountBooks, Balance, PerformanceRecords},
        ports::MockBooks,
        test_support::*,
    };

    #[tokio::test]
    async fn accounts_and_performances_are_read_page_by_page() {
        let account = |user, balance| AccountBooks {
            user,
            account: Account {
                balance: Balance(amount(balance)),
                last_seq: 0,
            },
            entries: Vec::new(),
            strays: Vec::new(),
        };
        let mut books = MockBooks::new();
        books.expect_accounts().returning(move |after, _| {
            Ok(match after {
                None => vec![account(alice(), 0)],
                Some(last) if last == alice() => vec![account(bob(), 7)],
                Some(_) => Vec::new(),
            })
        });
        books.expect_performances().returning(|after, _| {
            let all = [PERFORMANCE];
            Ok(all.into_iter().filter(|_| after.is_none()).collect())
        });
        books.expect_performance().returning(|id| {
            Ok(Some(PerformanceRecords {
                id,
                seats_sold: 1,
                seats: Vec::new(),
                reservations: Vec::new(),
                payments: Vec::new(),
            }))
        });
        let reconcile = Reconcile {
            books: Arc::new(books),
        };
        let mut reported = Vec::new();
        let done = reconcile
            .run(|difference| reported.push(difference.to_string()))
            .await;
        let expected = Reconciled {
            accounts: 2,
            performances: 1,
            differences: 2,
        };
        assert_eq!(done, Ok(expected));
        assert!(reported[0].starts_with("account bob"), "{reported:?}");
        assert!(reported[1].starts_with("performance"), "{reported:?}");
    }
}
