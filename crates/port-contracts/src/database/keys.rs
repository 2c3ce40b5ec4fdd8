//! What clients' idempotency keys stand for, and for how long.

use std::time::Duration;

use frontrow_domain::{
    model::{Applied, Balance, IdempotencyKey, Keyed, queue::QueuePolicy},
    ports::{
        Charge, ChargeOutcome, Charged, CreateConcertOutcome, EffectOf, KeyUse, Operator,
        PayOutcome,
    },
};

use super::{
    BoxOffice, DatabaseFixture, amount,
    asking::{key, newly_paid},
    box_office::{operator, title},
    user,
};

/// Longer than any client repeats a request.
const MONTH: Duration = Duration::from_hours(31 * 24);

impl<F: DatabaseFixture> BoxOffice<F> {
    /// What the key of a user's own charge stands for.
    async fn charge_found(&self, who: &str, points: i64, text: &str) -> KeyUse {
        self.found_under(&Keyed::charge(&user(who), amount(points), key(text)))
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
    async fn charge_by(&self, name: &str, who: &str, points: i64, text: &str) -> ChargeOutcome {
        self.charge_as(&Charge {
            keyed: Keyed::operator_charge(name, &user(who), amount(points), key(text)),
            operator: Some(Operator {
                name: name.into(),
                ..operator()
            }),
            ..self.charge(who, points, text)
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
    let office = BoxOffice::open(fixture).await;
    assert_eq!(office.charge_found("ann", 130, "charge").await, KeyUse::New);
    office.charge_under("ann", 130, "charge").await;
    let charge = KeyUse::Replayed(EffectOf::Charge(charged(130, 130)));
    assert_eq!(office.charge_found("ann", 130, "charge").await, charge);
    let other = office.charge_found("ann", 131, "charge").await;
    assert_eq!(other, KeyUse::OtherRequest);

    let held = office.held("ann", &["A-1"]).await;
    let paid = newly_paid(office.pay_under(&held, "payment").await);
    let payment = |who: &str, text| Keyed::payment(&user(who), held.id, key(text));
    assert_eq!(
        office.found_under(&payment("ann", "payment")).await,
        KeyUse::Replayed(EffectOf::Payment(paid))
    );
    let other = office.found_under(&payment("ann", "charge")).await;
    assert_eq!(other, KeyUse::OtherRequest);
    assert_eq!(office.charge_found("ann", 130, "charge").await, charge);
    let bens = office.found_under(&payment("ben", "payment")).await;
    assert_eq!(bens, KeyUse::New);
}

/// Keys that differ only in case or in a space are different keys.
pub async fn keys_are_told_apart_by_every_character<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    for text in ["key", "KEY", "key ", " key"] {
        let found = office.charge_found("ann", 10, text).await;
        assert_eq!(found, KeyUse::New, "{text:?}");
        let charged = office.charge_under("ann", 10, text).await;
        let new = matches!(&charged, ChargeOutcome::Charged(Applied { replayed, .. }) if !replayed);
        assert!(new, "{text:?}: {charged:?}");
    }
    assert_eq!(office.charge_found("ANN", 10, "key").await, KeyUse::New);
    assert_eq!(office.balance("ann").await, 40);
    assert_eq!(office.balance("Ann").await, 0);
}

/// A refused request does not use up its key.
pub async fn a_refusal_leaves_no_key<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let held = office.held("ann", &["A-1"]).await;
    let refused = office.pay_under(&held, "key").await;
    assert!(
        matches!(refused, PayOutcome::NotEnoughPoints { .. }),
        "{refused:?}"
    );
    assert_eq!(office.charge_found("ann", 1, "key").await, KeyUse::New);
}

/// A charge and a payment take effect once, however late they are repeated.
pub async fn a_repeat_after_a_month_takes_no_effect<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.charge_under("ann", 200, "charge").await;
    let held = office.held("ann", &["A-1"]).await;
    let paid = newly_paid(office.pay_under(&held, "payment").await);
    office.charge_by("ops", "ann", 7, "theirs").await;
    for span in [Duration::from_hours(25), MONTH] {
        office.pass(span).await;
        assert_eq!(office.purge(100).await, 0);
        let charge = office.charge_under("ann", 200, "charge").await;
        assert_eq!(charge, again(200, 200));
        let theirs = office.charge_by("ops", "ann", 7, "theirs").await;
        assert_eq!(theirs, again(7, 107));
        let payment = office.pay_under(&held, "payment").await;
        assert_eq!(payment, PayOutcome::Paid(Applied::replayed(paid.clone())));
        assert_eq!(office.balance("ann").await, 107);
    }
}

/// The keys of an operator are separate from those of other operators and of the user.
pub async fn every_operator_has_keys_of_their_own<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let outcomes = [
        office.charge_by("shop", "ann", 50, "2026-12-01").await,
        office.charge_by("web", "ann", 50, "2026-12-01").await,
        office.charge_under("ann", 50, "2026-12-01").await,
        office.charge_by("web", "ann", 50, "2026-12-01").await,
    ];
    let expected = [
        first(50, 50),
        first(50, 100),
        first(50, 150),
        again(50, 100),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(office.balance("ann").await, 150);
}

/// An operator's key stands for one charge of one user.
pub async fn an_operators_key_charges_one_user<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let charged = office.charge_by("shop", "ann", 50, "key").await;
    assert_eq!(charged, first(50, 50));
    for (who, points) in [("ben", 50), ("ann", 51)] {
        let other = office.charge_by("shop", who, points, "key").await;
        assert_eq!(other, ChargeOutcome::KeyReused);
    }
    // Names of operators may have any character, and end in a space.
    for name in ["shop ", "상점"] {
        let charged = office.charge_by(name, "ben", 1, "key").await;
        assert!(matches!(charged, ChargeOutcome::Charged(_)), "{charged:?}");
    }
    assert_eq!(office.balance("ben").await, 2);
}

/// The key of a creation is kept for thirty days. The concert stays.
pub async fn a_key_of_a_creation_is_purged_after_thirty_days<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let created = office.concert_under("Second", "key").await;
    let CreateConcertOutcome::Created(Applied {
        effect,
        replayed: false,
    }) = created
    else {
        panic!("{created:?}")
    };
    let almost = IdempotencyKey::KEPT.saturating_sub(Duration::from_mins(10));
    office.pass(almost).await;
    assert_eq!(office.purge(100).await, 0);
    let repeated = office.concert_under("Second", "key").await;
    let replayed = CreateConcertOutcome::Created(Applied::replayed(effect));
    assert_eq!(repeated, replayed);
    office.pass(Duration::from_mins(10)).await;
    assert_eq!(office.purge(100).await, 1);
    assert_eq!(office.purge(100).await, 0);
    let anew = office.concert_under("Second", "key").await;
    let new = |created: &CreateConcertOutcome| {
        matches!(created, CreateConcertOutcome::Created(created)
            if !created.replayed && created.effect != effect)
    };
    assert!(new(&anew), "{anew:?}");
}

/// A purge removes at most as many keys as its limit.
pub async fn a_purge_has_a_limit<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    for text in ["one", "two", "three"] {
        office.concert_under(text, text).await;
    }
    office.pass(MONTH).await;
    let purged = [
        office.purge(0).await,
        office.purge(2).await,
        office.purge(2).await,
        office.purge(2).await,
    ];
    assert_eq!(purged, [0, 2, 1, 0]);
}
