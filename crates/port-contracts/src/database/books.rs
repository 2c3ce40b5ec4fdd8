//! The rows about money and seats agree with each other, whatever was done.

use frontrow_domain::{
    model::{Difference, LedgerReason},
    ports::{ChargeOutcome, PayOutcome},
};

use super::{BoxOffice, DatabaseFixture, HOLD, at_once, user};

impl<F: DatabaseFixture> BoxOffice<F> {
    /// Returns every difference between the rows.
    pub(crate) async fn differences(&self) -> Vec<Difference> {
        let books = &self.ports.books;
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = books.accounts(after, 2).await.expect("accounts");
            for account in &page {
                found.extend(account.differences());
            }
            let Some(last) = page.into_iter().last() else {
                break;
            };
            after = Some(last.user);
        }
        let mut after = None;
        loop {
            let page = books.performances(after, 2).await.expect("performances");
            for id in &page {
                let records = books.performance(*id).await.expect("performance");
                found.extend(records.expect("it is there").differences());
            }
            let Some(last) = page.last() else { break };
            after = Some(*last);
        }
        found
    }

    /// The numbers and balances of a user's entries, in their order.
    async fn entries(&self, who: &str) -> Vec<(Option<u64>, bool, i64, i64)> {
        let accounts = self.ports.books.accounts(None, 100).await;
        let accounts = accounts.expect("accounts");
        let account = accounts.iter().find(|account| account.user == user(who));
        let entries = account.map(|account| account.entries.clone());
        let told = entries.unwrap_or_default().into_iter().map(|entry| {
            let charged = entry.reason == LedgerReason::Charge;
            let (amount, balance) = (entry.amount, entry.balance.0);
            (
                entry.seq,
                charged,
                amount.minor_units(),
                balance.minor_units(),
            )
        });
        told.collect()
    }
}

/// Accounts, seats, reservations and payments agree after everything that can happen to them.
pub async fn the_books_agree<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    assert_eq!(office.differences().await, []);
    office.bought("ann", &["A-1", "B-1"]).await;
    let released = office.held("ann", &["A-2"]).await;
    office.release("ann", released.id).await;
    office.held("ben", &["A-3", "A-4"]).await;
    office.charge_under("ben", 5, "key").await;
    office.performance = office.add_performance(office.concert).await;
    office.bought("ann", &["C-1"]).await;
    assert_eq!(office.differences().await, []);
    // An expired hold, before and after it is swept.
    office.pass(HOLD).await;
    assert_eq!(office.differences().await, []);
    office.sweep(10).await;
    office.held("cat", &["A-3"]).await;
    assert_eq!(office.differences().await, []);
    let unknown = office.ports.books.performance(super::box_office::nothing());
    assert_eq!(unknown.await.expect("performance"), None);
}

/// A user's entries are numbered in the order in which their balances follow from each other.
pub async fn entries_are_numbered_in_their_order<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.charge_under("ann", 300, "one").await;
    let held = office.held("ann", &["A-1"]).await;
    office.paid(&held).await;
    office.charge_under("ben", 7, "one").await;
    office.charge_under("ann", 5, "two").await;
    let expected = [
        (Some(1), true, 300, 300),
        (Some(2), false, 100, 200),
        (Some(3), true, 5, 205),
    ];
    assert_eq!(office.entries("ann").await, expected);
    assert_eq!(office.entries("ben").await, [(Some(1), true, 7, 7)]);
}

/// The order also holds while charges and payments of one user arrive at once.
pub async fn entries_made_at_once_follow_from_each_other<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.charge_under("ann", 1_000, "first").await;
    let held = office.held("ann", &["A-1", "B-1"]).await;
    let payment = office.payment(&held, "payment");
    let charges = (0..12).map(|n| office.charge("ann", n + 1, &format!("charge-{n}")));
    let calls = charges.map(Some).chain([None]).map(|charge| {
        let ports = office.ports.clone();
        let payment = payment.clone();
        async move {
            if let Some(charge) = charge {
                let charged = ports.points.charge(&charge).await.expect("charge");
                assert!(matches!(charged, ChargeOutcome::Charged(_)), "{charged:?}");
            } else {
                let paid = ports.reservations.pay(&payment).await.expect("pay");
                assert!(matches!(paid, PayOutcome::Paid(_)), "{paid:?}");
            }
        }
    });
    at_once(calls.collect::<Vec<_>>()).await;
    let entries = office.entries("ann").await;
    let numbers: Vec<_> = entries.iter().filter_map(|entry| entry.0).collect();
    assert_eq!(numbers, (1..=14).collect::<Vec<_>>());
    assert_eq!(office.differences().await, []);
}
