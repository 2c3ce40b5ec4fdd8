//! Many payments and charges at the same moment.

use std::sync::Arc;

use frontrow_domain::{
    model::{Applied, Reservation, ReservationState},
    ports::{
        Charge, ChargeOutcome, PayOutcome, PaymentRequest, Points, ReleaseOutcome, Reservations,
    },
};

use super::{BoxOffice, DatabaseFixture, asking::newly_paid, at_once, user};

async fn pay(reservations: Arc<dyn Reservations>, request: PaymentRequest) -> PayOutcome {
    reservations.pay(&request).await.expect("pay")
}

async fn charge(points: Arc<dyn Points>, order: Charge) -> ChargeOutcome {
    points.charge(&order).await.expect("charge")
}

impl<F: DatabaseFixture> BoxOffice<F> {
    async fn all_pay(&self, requests: Vec<PaymentRequest>) -> Vec<PayOutcome> {
        let port = &self.ports.reservations;
        let calls = requests
            .into_iter()
            .map(|request| pay(Arc::clone(port), request));
        at_once(calls.collect::<Vec<_>>()).await
    }

    async fn all_charge(&self, orders: Vec<Charge>) -> Vec<ChargeOutcome> {
        let port = &self.ports.points;
        let calls = orders
            .into_iter()
            .map(|order| charge(Arc::clone(port), order));
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
    let office = BoxOffice::open(fixture).await;
    let held = office.affordable().await;
    let requests = (0..20).map(|_| office.payment(&held, "key"));
    let outcomes = office.all_pay(requests.collect()).await;
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
    assert_eq!(office.balance("ann").await, 900);
}

/// A reservation that is paid twenty times under different keys is paid once.
pub async fn many_keys_pay_once<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let held = office.affordable().await;
    let requests = (0..20).map(|number| office.payment(&held, &format!("key-{number}")));
    let outcomes = office.all_pay(requests.collect()).await;
    let confirmed = office.state(&held).await;
    assert!(matches!(confirmed, ReservationState::Confirmed { .. }));
    let refused = PayOutcome::NotHeld(confirmed);
    let (refused, paid): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .partition(|outcome| *outcome == refused);
    assert_eq!(refused.len(), 19);
    newly_paid(paid.into_iter().next().expect("one payment"));
    assert_eq!(office.balance("ann").await, 900);
}

/// Points that suffice for one of two reservations pay for one.
pub async fn points_are_spent_once<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.charged("ann", 150).await;
    let first = office.held("ann", &["A-1"]).await;
    office.concert = office.add_concert("Second").await;
    office.performance = office.add_performance(office.concert).await;
    let second = office.held("ann", &["A-1"]).await;
    let requests = vec![
        office.payment(&first, "one"),
        office.payment(&second, "two"),
    ];
    let outcomes = office.all_pay(requests).await;
    let paid = outcomes
        .iter()
        .filter(|one| matches!(one, PayOutcome::Paid(_)));
    assert_eq!(paid.count(), 1);
    let short = outcomes
        .iter()
        .filter(|one| matches!(one, PayOutcome::NotEnoughPoints { .. }));
    assert_eq!(short.count(), 1);
    assert_eq!(office.balance("ann").await, 50);
}

/// If a payment and a release run at once, one comes first, and the answer of the other says so.
pub async fn a_reservation_is_paid_or_released<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let mut expected = 1_000;
    office.charged("ann", expected).await;
    for label in ["A-1", "A-2", "A-3", "A-4", "A-5", "A-6"] {
        let held = office.held("ann", &[label]).await;
        let payment = office.payment(&held, label);
        let paying = tokio::spawn(pay(Arc::clone(&office.ports.reservations), payment)).await;
        let released = office
            .ports
            .reservations
            .release(held.id, &user("ann"))
            .await;
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
        assert_eq!(office.balance("ann").await, expected);
        if expected == 600 {
            break; // no fifth seat
        }
    }
}

/// A charge that arrives twenty times under one key is made once.
pub async fn one_key_charges_once<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let orders = (0..20).map(|_| office.charge("ann", 10, "key"));
    let outcomes = office.all_charge(orders.collect()).await;
    let mut first = 0;
    for outcome in &outcomes {
        match outcome {
            ChargeOutcome::Charged(Applied { replayed, .. }) => first += u32::from(!replayed),
            ChargeOutcome::InProgress => {}
            other => panic!("should be charged or in flight: {other:?}"),
        }
    }
    assert_eq!(first, 1);
    assert_eq!(office.balance("ann").await, 10);
}

/// Twenty charges under different keys are twenty charges, each with its own balance.
pub async fn many_keys_charge_many_times<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let orders = (0..20).map(|number| office.charge("ann", 10, &format!("key-{number}")));
    let outcomes = office.all_charge(orders.collect()).await;
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
    assert_eq!(office.balance("ann").await, 200);
}
