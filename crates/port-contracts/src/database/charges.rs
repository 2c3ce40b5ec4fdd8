//! Charging points.

use frontrow_domain::{
    model::{Amount, Applied, Balance},
    ports::{ChargeOutcome, Charged},
};

use super::{DatabaseFixture, TestSale, amount, calls::newly_paid, operator};

fn outcome(points: i64, balance: i64, replayed: bool) -> ChargeOutcome {
    ChargeOutcome::Charged(Applied {
        effect: Charged {
            amount: amount(points),
            balance: Balance(amount(balance)),
        },
        replayed,
    })
}

/// A user who never charged has no points.
pub async fn a_new_user_has_no_points<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    assert_eq!(sale.balance("ann").await, 0);
}

/// Charges add up, separately for each user.
pub async fn charges_add_up<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let first = sale.charge_under("ann", 30, "one").await;
    assert_eq!(first, outcome(30, 30, false));
    let second = sale.charge_under("ann", 12, "two").await;
    assert_eq!(second, outcome(12, 42, false));
    assert_eq!(sale.balance("ann").await, 42);
    assert_eq!(sale.balance("ben").await, 0);
}

/// A repeat of a charge under the same key gets the first answer, and adds nothing.
pub async fn a_repeated_charge_returns_the_first_answer<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charge_under("ann", 30, "one").await;
    sale.charge_under("ann", 12, "two").await;
    let again = sale.charge_under("ann", 30, "one").await;
    assert_eq!(again, outcome(30, 30, true));
    assert_eq!(sale.balance("ann").await, 42);
}

/// A key that stands for a charge, or for a payment, cannot be used for another charge.
pub async fn a_key_charges_one_amount<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charge_under("ann", 130, "one").await;
    let other = sale.charge_under("ann", 31, "one").await;
    assert_eq!(other, ChargeOutcome::KeyReused);
    let held = sale.held("ann", &["A-1"]).await;
    newly_paid(sale.pay_under(&held, "two").await);
    let other = sale.charge_under("ann", 100, "two").await;
    assert_eq!(other, ChargeOutcome::KeyReused);
    assert_eq!(sale.balance("ann").await, 30);
}

/// A key belongs to its user.
pub async fn two_users_may_charge_under_the_same_key<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    for name in ["ann", "ben"] {
        let charged = sale.charge_under(name, 30, "key").await;
        assert_eq!(charged, outcome(30, 30, false));
    }
}

/// A balance grows to the largest amount and no further. The refused charge leaves no trace.
pub async fn a_balance_cannot_exceed_the_largest_amount<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let most = Amount::MAX.minor_units();
    sale.charged("ann", most - 1).await;
    let refused = sale.charge_under("ann", 2, "key").await;
    assert_eq!(refused, ChargeOutcome::TooMuch);
    assert_eq!(sale.balance("ann").await, most - 1);
    let charged = sale.charge_under("ann", 1, "key").await;
    assert_eq!(charged, outcome(1, most, false));
}

/// An operator's charge is a charge like any other.
pub async fn an_operator_may_charge_a_user<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let mut charge = sale.charge("ann", 500, "key");
    charge.operator = Some(operator());
    assert_eq!(sale.charge_as(&charge).await, outcome(500, 500, false));
    assert_eq!(sale.charge_as(&charge).await, outcome(500, 500, true));
    assert_eq!(sale.balance("ann").await, 500);
}

/// Every effect has the balance right after it, and the effects add up to the balance.
pub async fn the_effects_add_up_to_the_balance<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let mut sum = 0;
    for (points, seat) in [(120, "A-1"), (255, "B-1"), (1, "C-1"), (300, "B-2")] {
        sum += points;
        let charged = sale.charged("ann", points).await;
        assert_eq!(charged.balance, Balance(amount(sum)));
        let held = sale.held("ann", &[seat]).await;
        let paid = sale.paid(&held).await;
        sum -= paid.charged.minor_units();
        assert_eq!(paid.balance, Balance(amount(sum)));
        assert_eq!(sale.balance("ann").await, sum);
    }
    assert_eq!(sum, 76);
}
