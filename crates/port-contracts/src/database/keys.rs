//! What the clients' keys stand for, and for how long.

use std::time::Duration;

use frontrow_domain::{
    model::{Applied, Balance, RequestDigest},
    ports::{ChargeOutcome, Charged, EffectOf, PayOutcome, Remembered},
};
use jiff::Timestamp;

use super::{
    BoxOffice, DatabaseFixture, amount,
    asking::{key, newly_paid},
    signed, user,
};

impl<F: DatabaseFixture> BoxOffice<F> {
    async fn remembered(&self, who: &str, text: &str) -> Option<Remembered> {
        let found = self.ports.idempotency.find(&user(who), &key(text)).await;
        found.expect("find key")
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> u32 {
        let purged = self.ports.idempotency.purge(before, limit).await;
        purged.expect("purge")
    }
}

/// A key stands for what was asked and what came of it, for its user alone.
pub async fn a_key_stands_for_its_effect<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    assert_eq!(office.remembered("ann", "charge").await, None);
    office.charge_under("ann", 130, "charge").await;
    let charge = Remembered {
        digest: RequestDigest::charge(amount(130)),
        effect: EffectOf::Charge(Charged {
            amount: amount(130),
            balance: Balance(amount(130)),
        }),
    };
    assert_eq!(
        office.remembered("ann", "charge").await,
        Some(charge.clone())
    );

    let held = office.held("ann", &["A-1"]).await;
    let paid = newly_paid(office.pay_under(&held, "payment").await);
    let payment = Remembered {
        digest: RequestDigest::payment(held.id),
        effect: EffectOf::Payment(paid),
    };
    assert_eq!(office.remembered("ann", "payment").await, Some(payment));
    assert_eq!(office.remembered("ann", "charge").await, Some(charge));
    assert_eq!(office.remembered("ben", "payment").await, None);
}

/// Keys that differ in case only are different keys.
pub async fn keys_are_told_apart_by_every_character<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    for text in ["key", "KEY", "key ", " key"] {
        assert_eq!(office.remembered("ann", text).await, None, "{text:?}");
        let charged = office.charge_under("ann", 10, text).await;
        let new = matches!(&charged, ChargeOutcome::Charged(Applied { replayed, .. }) if !replayed);
        assert!(new, "{text:?}: {charged:?}");
    }
    assert_eq!(office.remembered("ANN", "key").await, None);
    assert_eq!(office.balance("ann").await, 40);
    assert_eq!(office.balance("Ann").await, 0);
}

/// What was refused is not remembered.
pub async fn a_refusal_leaves_no_key<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let held = office.held("ann", &["A-1"]).await;
    let refused = office.pay_under(&held, "key").await;
    assert!(
        matches!(refused, PayOutcome::NotEnoughPoints { .. }),
        "{refused:?}"
    );
    assert_eq!(office.remembered("ann", "key").await, None);
}

/// Old keys are forgotten, young ones are not, and the effects of both stay.
pub async fn only_old_keys_are_purged<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.charge_under("ann", 10, "old").await;
    office.pass(Duration::from_hours(24)).await;
    office.charge_under("ann", 7, "young").await;
    let an_hour_ago = office.now().await - signed(Duration::from_hours(1));
    assert_eq!(office.purge(an_hour_ago, 100).await, 1);
    assert_eq!(office.purge(an_hour_ago, 100).await, 0);
    assert_eq!(office.remembered("ann", "old").await, None);
    assert!(office.remembered("ann", "young").await.is_some());
    assert_eq!(office.balance("ann").await, 17);
}

/// Whose clock is ahead forgets no young key: its request may be repeated, and must not take effect again.
pub async fn a_caller_ahead_of_time_purges_no_young_key<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.charge_under("ann", 10, "charge").await;
    office.pass(Duration::from_hours(23)).await;
    let days_ahead = office.now().await + signed(Duration::from_hours(99));
    assert_eq!(office.purge(days_ahead, 100).await, 0);
    office.pass(Duration::from_hours(1)).await;
    assert_eq!(office.purge(days_ahead, 100).await, 1);
}

/// A purge forgets no more than it is told.
pub async fn a_purge_has_a_limit<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    for text in ["one", "two", "three"] {
        office.charge_under("ann", 10, text).await;
    }
    office.pass(Duration::from_hours(24)).await;
    let now = office.now().await;
    let purged = [
        office.purge(now, 0).await,
        office.purge(now, 2).await,
        office.purge(now, 2).await,
        office.purge(now, 2).await,
    ];
    assert_eq!(purged, [0, 2, 1, 0]);
}

/// A key that was forgotten can be used anew; a payment that it stood for is not made again.
pub async fn a_purged_key_is_new<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.charge_under("ann", 200, "charge").await;
    let held = office.held("ann", &["A-1"]).await;
    let paid = newly_paid(office.pay_under(&held, "payment").await);
    office.pass(Duration::from_hours(24)).await;
    let now = office.now().await;
    assert_eq!(office.purge(now, 100).await, 2);
    office.charge_under("ann", 200, "charge").await;
    assert_eq!(office.balance("ann").await, 300);
    let again = office.pay_under(&held, "payment").await;
    assert_eq!(again, PayOutcome::NotHeld(paid.reservation.state));
    assert_eq!(office.balance("ann").await, 300);
}
