//! The rows about money and seats agree with each other after every operation.

use frontrow_domain::{
    model::{Difference, LedgerReason},
    ports::{ChargeOutcome, PayOutcome},
};

use super::{DatabaseFixture, HOLD, TestSale, at_once, user};

impl<F: DatabaseFixture> TestSale<F> {
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

    /// Returns the numbers and balances of a user's entries, in their order.
    async fn entries(&self, name: &str) -> Vec<(Option<u64>, bool, i64, i64)> {
        let accounts = self.ports.books.accounts(None, 100).await;
        let accounts = accounts.expect("accounts");
        let account = accounts.iter().find(|account| account.user == user(name));
        let entries = account.map(|account| account.entries.clone());
        let entries = entries.unwrap_or_default().into_iter().map(|entry| {
            let charged = entry.reason == LedgerReason::Charge;
            let (amount, balance) = (entry.amount, entry.balance.0);
            (
                entry.seq,
                charged,
                amount.minor_units(),
                balance.minor_units(),
            )
        });
        entries.collect()
    }
}

/// Accounts, seats, reservations and payments agree after every kind of operation.
pub async fn all_rows_agree_after_every_operation<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    assert_eq!(sale.differences().await, []);
    sale.bought("ann", &["A-1", "B-1"]).await;
    let released = sale.held("ann", &["A-2"]).await;
    sale.release("ann", released.id).await;
    sale.held("ben", &["A-3", "A-4"]).await;
    sale.charge_under("ben", 5, "key").await;
    sale.performance = sale.add_performance(sale.concert).await;
    sale.bought("ann", &["C-1"]).await;
    assert_eq!(sale.differences().await, []);
    // An expired hold, before and after it is swept.
    sale.pass(HOLD).await;
    assert_eq!(sale.differences().await, []);
    sale.sweep(10).await;
    sale.held("cat", &["A-3"]).await;
    assert_eq!(sale.differences().await, []);
    let unknown = sale.ports.books.performance(super::test_sale::nothing());
    assert_eq!(unknown.await.expect("performance"), None);
}

/// A user's entries are numbered in the order in which their balances follow from each other.
pub async fn entries_are_numbered_in_the_order_of_their_balances<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charge_under("ann", 300, "one").await;
    let held = sale.held("ann", &["A-1"]).await;
    sale.paid(&held).await;
    sale.charge_under("ben", 7, "one").await;
    sale.charge_under("ann", 5, "two").await;
    let expected = [
        (Some(1), true, 300, 300),
        (Some(2), false, 100, 200),
        (Some(3), true, 5, 205),
    ];
    assert_eq!(sale.entries("ann").await, expected);
    assert_eq!(sale.entries("ben").await, [(Some(1), true, 7, 7)]);
}

/// The order also holds while charges and payments of one user arrive at once.
pub async fn concurrent_entries_follow_from_each_other<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charge_under("ann", 1_000, "first").await;
    let held = sale.held("ann", &["A-1", "B-1"]).await;
    let payment = sale.payment(&held, "payment");
    let charges = (0..12).map(|n| sale.charge("ann", n + 1, &format!("charge-{n}")));
    let calls = charges.map(Some).chain([None]).map(|charge| {
        let ports = sale.ports.clone();
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
    let entries = sale.entries("ann").await;
    let numbers: Vec<_> = entries.iter().filter_map(|entry| entry.0).collect();
    assert_eq!(numbers, (1..=14).collect::<Vec<_>>());
    assert_eq!(sale.differences().await, []);
}
