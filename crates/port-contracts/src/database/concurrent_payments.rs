//! Many payments and charges at the same time.

use std::sync::Arc;

use frontrow_domain::{
    model::{Applied, Reservation, ReservationState},
    ports::{
        Charge, ChargeOutcome, PayOutcome, PaymentRequest, Points, ReleaseOutcome, Reservations,
    },
};

use super::{DatabaseFixture, TestSale, at_once, calls::newly_paid, user};

async fn pay(reservations: Arc<dyn Reservations>, request: PaymentRequest) -> PayOutcome {
    reservations.pay(&request).await.expect("pay")
}

async fn charge(points: Arc<dyn Points>, request: Charge) -> ChargeOutcome {
    points.charge(&request).await.expect("charge")
}

impl<F: DatabaseFixture> TestSale<F> {
    async fn all_pay(&self, requests: Vec<PaymentRequest>) -> Vec<PayOutcome> {
        let port = &self.ports.reservations;
        let calls = requests
            .into_iter()
            .map(|request| pay(Arc::clone(port), request));
        at_once(calls.collect::<Vec<_>>()).await
    }

    async fn all_charge(&self, requests: Vec<Charge>) -> Vec<ChargeOutcome> {
        let port = &self.ports.points;
        let calls = requests
            .into_iter()
            .map(|request| charge(Arc::clone(port), request));
        at_once(calls.collect::<Vec<_>>()).await
    }

    /// Returns held seats, with ten times the points that they cost.
    async fn affordable(&self) -> Reservation {
        self.charged("ann", 1_000).await;
        self.held("ann", &["A-1"]).await
    }
}

/// A payment that arrives twenty times under one key is made once.
pub async fn one_key_pays_once<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let held = sale.affordable().await;
    let requests = (0..20).map(|_| sale.payment(&held, "key"));
    let outcomes = sale.all_pay(requests.collect()).await;
    let mut first = 0;
    for outcome in &outcomes {
        match outcome {
            PayOutcome::Paid(Applied { effect, replayed }) => {
                assert_eq!(effect.balance.0.minor_units(), 900);
                first += u32::from(!replayed);
            }
            PayOutcome::InProgress => {}
            other => panic!("should be paid or in flight: {other:?}"),
        }
    }
    assert_eq!(first, 1);
    assert_eq!(sale.balance("ann").await, 900);
}

/// A reservation that is paid twenty times under different keys is paid once.
pub async fn many_keys_pay_a_reservation_once<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let held = sale.affordable().await;
    let requests = (0..20).map(|number| sale.payment(&held, &format!("key-{number}")));
    let outcomes = sale.all_pay(requests.collect()).await;
    let confirmed = sale.state(&held).await;
    assert!(matches!(confirmed, ReservationState::Confirmed { .. }));
    let refused = PayOutcome::NotHeld(confirmed);
    let (refused, paid): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .partition(|outcome| *outcome == refused);
    assert_eq!(refused.len(), 19);
    newly_paid(paid.into_iter().next().expect("one payment"));
    assert_eq!(sale.balance("ann").await, 900);
}

/// Points that suffice for one of two reservations pay for one.
pub async fn points_are_spent_once<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.charged("ann", 150).await;
    let first = sale.held("ann", &["A-1"]).await;
    sale.concert = sale.add_concert("Second").await;
    sale.performance = sale.add_performance(sale.concert).await;
    let second = sale.held("ann", &["A-1"]).await;
    let requests = vec![sale.payment(&first, "one"), sale.payment(&second, "two")];
    let outcomes = sale.all_pay(requests).await;
    let paid = outcomes
        .iter()
        .filter(|one| matches!(one, PayOutcome::Paid(_)));
    assert_eq!(paid.count(), 1);
    let short = outcomes
        .iter()
        .filter(|one| matches!(one, PayOutcome::NotEnoughPoints { .. }));
    assert_eq!(short.count(), 1);
    assert_eq!(sale.balance("ann").await, 50);
}

/// If a payment and a release run at once, one takes effect, and the other is refused for it.
pub async fn a_reservation_is_paid_or_released<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let mut expected = 1_000;
    sale.charged("ann", expected).await;
    for label in ["A-1", "A-2", "A-3", "A-4", "A-5", "A-6"] {
        let held = sale.held("ann", &[label]).await;
        let payment = sale.payment(&held, label);
        let paying = tokio::spawn(pay(Arc::clone(&sale.ports.reservations), payment)).await;
        let released = sale.ports.reservations.release(held.id, &user("ann")).await;
        let paid = paying.expect("the payment's task");
        match released.expect("release") {
            ReleaseOutcome::Released => {
                let refused = PayOutcome::NotHeld(ReservationState::Cancelled);
                assert_eq!(paid, refused);
            }
            ReleaseOutcome::Confirmed => {
                newly_paid(paid);
                expected -= 100;
            }
            other => panic!("neither paid nor released: {other:?}"),
        }
        assert_eq!(sale.balance("ann").await, expected);
        if expected == 600 {
            break; // no fifth seat
        }
    }
}

/// A charge that arrives twenty times under one key is made once.
pub async fn one_key_charges_once<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let requests = (0..20).map(|_| sale.charge("ann", 10, "key"));
    let outcomes = sale.all_charge(requests.collect()).await;
    let mut first = 0;
    for outcome in &outcomes {
        match outcome {
            ChargeOutcome::Charged(Applied { replayed, .. }) => first += u32::from(!replayed),
            ChargeOutcome::InProgress => {}
            other => panic!("should be charged or in flight: {other:?}"),
        }
    }
    assert_eq!(first, 1);
    assert_eq!(sale.balance("ann").await, 10);
}

/// Twenty charges under different keys are twenty charges, each with its own balance.
pub async fn many_keys_charge_many_times<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let requests = (0..20).map(|number| sale.charge("ann", 10, &format!("key-{number}")));
    let outcomes = sale.all_charge(requests.collect()).await;
    let mut balances: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            ChargeOutcome::Charged(Applied {
                effect,
                replayed: false,
            }) => effect.balance.0.minor_units(),
            other => panic!("should be charged: {other:?}"),
        })
        .collect();
    balances.sort_unstable();
    let expected: Vec<_> = (1..=20).map(|number| number * 10).collect();
    assert_eq!(balances, expected);
    assert_eq!(sale.balance("ann").await, 200);
}
