//! The effects of clients' idempotency keys, and how long keys are kept.

use std::time::Duration;

use frontrow_domain::{
    model::{Applied, Balance, IdempotencyKey, Keyed, queue::QueuePolicy},
    ports::{
        Charge, ChargeOutcome, Charged, CreateConcertOutcome, EffectOf, KeyUse, Operator,
        PayOutcome,
    },
};

use super::{
    DatabaseFixture, TestSale, amount,
    calls::{key, newly_paid},
    test_sale::{operator, title},
    user,
};

/// Longer than any client repeats a request.
const MONTH: Duration = Duration::from_hours(31 * 24);

impl<F: DatabaseFixture> TestSale<F> {
    /// Looks up the key of a user's own charge.
    async fn charge_found(&self, name: &str, points: i64, text: &str) -> KeyUse {
        self.found_under(&Keyed::charge(&user(name), amount(points), key(text)))
            .await
    }

    async fn found_under(&self, keyed: &Keyed) -> KeyUse {
        let found = self.ports.idempotency.find(keyed).await;
        found.expect("find key")
    }

    async fn purge(&self, limit: u32) -> u32 {
        let purged = self.ports.idempotency.purge(limit).await;
        purged.expect("purge")
    }

    /// Charges a user as an operator.
    async fn charge_by(&self, by: &str, name: &str, points: i64, text: &str) -> ChargeOutcome {
        self.charge_as(&Charge {
            keyed: Keyed::operator_charge(by, &user(name), amount(points), key(text)),
            operator: Some(Operator {
                name: by.into(),
                ..operator()
            }),
            ..self.charge(name, points, text)
        })
        .await
    }

    /// Creates a concert under a key.
    async fn concert_under(&self, name: &str, text: &str) -> CreateConcertOutcome {
        let (title, policy) = (title(name), QueuePolicy::default());
        let keyed = Keyed::create_concert("box-office", &title, &policy, key(text));
        self.create_concert(&title, Some(keyed)).await
    }
}

fn charged(points: i64, balance: i64) -> Charged {
    Charged {
        amount: amount(points),
        balance: Balance(amount(balance)),
    }
}

fn first(points: i64, balance: i64) -> ChargeOutcome {
    ChargeOutcome::Charged(Applied::first(charged(points, balance)))
}

fn again(points: i64, balance: i64) -> ChargeOutcome {
    ChargeOutcome::Charged(Applied::replayed(charged(points, balance)))
}

/// A key stands for a request and its result, for its user alone.
pub async fn a_key_stands_for_its_effect<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    assert_eq!(sale.charge_found("ann", 130, "charge").await, KeyUse::New);
    sale.charge_under("ann", 130, "charge").await;
    let charge = KeyUse::Replayed(EffectOf::Charge(charged(130, 130)));
    assert_eq!(sale.charge_found("ann", 130, "charge").await, charge);
    let other = sale.charge_found("ann", 131, "charge").await;
    assert_eq!(other, KeyUse::OtherRequest);

    let held = sale.held("ann", &["A-1"]).await;
    let paid = newly_paid(sale.pay_under(&held, "payment").await);
    let payment = |name: &str, text| Keyed::payment(&user(name), held.id, key(text));
    assert_eq!(
        sale.found_under(&payment("ann", "payment")).await,
        KeyUse::Replayed(EffectOf::Payment(paid))
    );
    let other = sale.found_under(&payment("ann", "charge")).await;
    assert_eq!(other, KeyUse::OtherRequest);
    assert_eq!(sale.charge_found("ann", 130, "charge").await, charge);
    let bens = sale.found_under(&payment("ben", "payment")).await;
    assert_eq!(bens, KeyUse::New);
}

/// Keys that differ only in case or in a space are different keys.
pub async fn keys_differ_by_every_character<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    for text in ["key", "KEY", "key ", " key"] {
        let found = sale.charge_found("ann", 10, text).await;
        assert_eq!(found, KeyUse::New, "{text:?}");
        let charged = sale.charge_under("ann", 10, text).await;
        let new = matches!(&charged, ChargeOutcome::Charged(Applied { replayed, .. }) if !replayed);
        assert!(new, "{text:?}: {charged:?}");
    }
    assert_eq!(sale.charge_found("ANN", 10, "key").await, KeyUse::New);
    assert_eq!(sale.balance("ann").await, 40);
    assert_eq!(sale.balance("Ann").await, 0);
}

/// A refused request does not use up its key.
pub async fn a_refused_request_does_not_use_its_key<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["A-1"]).await;
    let refused = sale.pay_under(&held, "key").await;
    assert!(
        matches!(refused, PayOutcome::NotEnoughPoints { .. }),
        "{refused:?}"
    );
    assert_eq!(sale.charge_found("ann", 1, "key").await, KeyUse::New);
}

/// A charge and a payment take effect once. A repeat after a month takes no effect.
pub async fn a_repeat_after_a_month_takes_no_effect<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.charge_under("ann", 200, "charge").await;
    let held = sale.held("ann", &["A-1"]).await;
    let paid = newly_paid(sale.pay_under(&held, "payment").await);
    sale.charge_by("ops", "ann", 7, "theirs").await;
    for span in [Duration::from_hours(25), MONTH] {
        sale.pass(span).await;
        assert_eq!(sale.purge(100).await, 0);
        let charge = sale.charge_under("ann", 200, "charge").await;
        assert_eq!(charge, again(200, 200));
        let theirs = sale.charge_by("ops", "ann", 7, "theirs").await;
        assert_eq!(theirs, again(7, 107));
        let payment = sale.pay_under(&held, "payment").await;
        assert_eq!(payment, PayOutcome::Paid(Applied::replayed(paid.clone())));
        assert_eq!(sale.balance("ann").await, 107);
    }
}

/// The keys of an operator are separate from those of other operators and of the user.
pub async fn the_keys_of_each_operator_are_separate<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let outcomes = [
        sale.charge_by("shop", "ann", 50, "2026-12-01").await,
        sale.charge_by("web", "ann", 50, "2026-12-01").await,
        sale.charge_under("ann", 50, "2026-12-01").await,
        sale.charge_by("web", "ann", 50, "2026-12-01").await,
    ];
    let expected = [
        first(50, 50),
        first(50, 100),
        first(50, 150),
        again(50, 100),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(sale.balance("ann").await, 150);
}

/// An operator's key stands for one charge of one user.
pub async fn an_operators_key_charges_one_user<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let charged = sale.charge_by("shop", "ann", 50, "key").await;
    assert_eq!(charged, first(50, 50));
    for (name, points) in [("ben", 50), ("ann", 51)] {
        let other = sale.charge_by("shop", name, points, "key").await;
        assert_eq!(other, ChargeOutcome::KeyReused);
    }
    // Names of operators may have any character, and end in a space.
    for name in ["shop ", "상점"] {
        let charged = sale.charge_by(name, "ben", 1, "key").await;
        assert!(matches!(charged, ChargeOutcome::Charged(_)), "{charged:?}");
    }
    assert_eq!(sale.balance("ben").await, 2);
}

/// The key of a creation is kept for thirty days. The concert stays after the purge.
pub async fn a_key_of_a_creation_is_purged_after_thirty_days<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let created = sale.concert_under("Second", "key").await;
    let CreateConcertOutcome::Created(Applied {
        effect,
        replayed: false,
    }) = created
    else {
        panic!("{created:?}")
    };
    let almost = IdempotencyKey::KEPT.saturating_sub(Duration::from_mins(10));
    sale.pass(almost).await;
    assert_eq!(sale.purge(100).await, 0);
    let repeated = sale.concert_under("Second", "key").await;
    let replayed = CreateConcertOutcome::Created(Applied::replayed(effect));
    assert_eq!(repeated, replayed);
    sale.pass(Duration::from_mins(10)).await;
    assert_eq!(sale.purge(100).await, 1);
    assert_eq!(sale.purge(100).await, 0);
    let new_concert = sale.concert_under("Second", "key").await;
    let new = |created: &CreateConcertOutcome| {
        matches!(created, CreateConcertOutcome::Created(created)
            if !created.replayed && created.effect != effect)
    };
    assert!(new(&new_concert), "{new_concert:?}");
}

/// A purge removes at most as many keys as its limit.
pub async fn a_purge_has_a_limit<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    for text in ["one", "two", "three"] {
        sale.concert_under(text, text).await;
    }
    sale.pass(MONTH).await;
    let purged = [
        sale.purge(0).await,
        sale.purge(2).await,
        sale.purge(2).await,
        sale.purge(2).await,
    ];
    assert_eq!(purged, [0, 2, 1, 0]);
}
