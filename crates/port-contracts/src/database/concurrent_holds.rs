//! Many requests for seats at the same time.

use std::{collections::BTreeSet, sync::Arc};

use frontrow_domain::{
    model::{HoldRefusal, HoldRequest, Reservation, SeatState},
    ports::{HoldOutcome, Reservations},
};

use super::{DatabaseFixture, HOLD, TestSale, at_once, label};

async fn hold(reservations: Arc<dyn Reservations>, request: HoldRequest) -> HoldOutcome {
    reservations.hold(&request).await.expect("hold")
}

impl<F: DatabaseFixture> TestSale<F> {
    /// Sends all these requests at once, and returns the outcomes.
    async fn all_hold(&self, requests: Vec<HoldRequest>) -> Vec<HoldOutcome> {
        let port = &self.ports.reservations;
        let calls = requests
            .into_iter()
            .map(|request| hold(Arc::clone(port), request));
        at_once(calls.collect::<Vec<_>>()).await
    }
}

/// Returns the reservations among the outcomes.
fn winners(outcomes: &[HoldOutcome]) -> Vec<&Reservation> {
    let held = outcomes.iter().filter_map(|outcome| match outcome {
        HoldOutcome::Held(reservation) => Some(reservation),
        _ => None,
    });
    held.collect()
}

/// If a hundred users want one seat, one gets it.
pub async fn one_of_a_hundred_users_gets_the_seat<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let requests = (0..100).map(|number| sale.request(&format!("user-{number}"), &["A-1"]));
    let outcomes = sale.all_hold(requests.collect()).await;
    assert_eq!(winners(&outcomes).len(), 1);
    let taken = HoldOutcome::Refused(HoldRefusal::SeatsTaken(vec![label("A-1")]));
    let refused = outcomes.iter().filter(|outcome| **outcome == taken);
    assert_eq!(refused.count(), 99);
    assert_eq!(sale.seats_left().await, 23);
}

/// If many users want a seat whose hold has expired and was not swept, one gets it.
pub async fn one_of_many_users_takes_over_an_expired_seat<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.held("ann", &["A-1", "A-2"]).await;
    sale.pass(HOLD).await;
    let mut requests = Vec::new();
    for number in 0..20 {
        requests.push(sale.request(&format!("one-{number}"), &["A-1"]));
        requests.push(sale.request(&format!("two-{number}"), &["A-2"]));
    }
    let outcomes = sale.all_hold(requests).await;
    assert_eq!(winners(&outcomes).len(), 2);
    assert_eq!(sale.seats_left().await, 22);
}

/// Users who want four seats each, with overlaps, get all of them or none, and no seat is held
/// twice.
pub async fn overlapping_holds_get_all_their_seats_or_none<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let requests = (0..40).map(|number| {
        let labels = (0..4).map(|next| format!("A-{}", (number + next * 3) % 10 + 1));
        let labels: Vec<_> = labels.collect();
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        sale.request(&format!("user-{number}"), &labels)
    });
    let outcomes = sale.all_hold(requests.collect()).await;
    let winners = winners(&outcomes);
    let mut gone = BTreeSet::new();
    for reservation in &winners {
        assert_eq!(reservation.seats.len(), 4);
        assert_eq!(&sale.found(reservation).await, *reservation);
        for seat in &reservation.seats {
            assert!(gone.insert(seat.label.clone()), "{} went twice", seat.label);
            assert_eq!(sale.seat(seat.label.as_str()).await, SeatState::Held);
        }
    }
    assert!(!winners.is_empty(), "one request comes first");
    let refused = outcomes.iter().filter(|outcome| match outcome {
        HoldOutcome::Refused(HoldRefusal::SeatsTaken(taken)) => {
            taken.iter().all(|label| gone.contains(label))
        }
        _ => false,
    });
    assert_eq!(refused.count(), 40 - winners.len());
    assert_eq!(sale.seats_left().await, 24 - 4 * winners.len() as u64);
}

/// A user who sends many different requests at once gets one hold in the concert.
pub async fn one_user_gets_one_hold<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let second = sale.add_performance(sale.concert).await;
    let mut requests = Vec::new();
    for number in 1..=10 {
        let label = format!("A-{number}");
        let request = sale.request("ann", &[&label]);
        requests.push(HoldRequest {
            id: sale.reservation_id(),
            performance: second,
            ..request.clone()
        });
        requests.push(request);
    }
    let outcomes = sale.all_hold(requests).await;
    let winners = winners(&outcomes);
    let [winner] = winners.as_slice() else {
        panic!("one should be held: {winners:?}");
    };
    let other = HoldOutcome::Refused(HoldRefusal::OtherHold(winner.id));
    let refused = outcomes.iter().filter(|outcome| **outcome == other);
    assert_eq!(refused.count(), 19);
}

/// Many copies of one request at once make one hold.
pub async fn concurrent_repeats_make_one_hold<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let requests = (0..20).map(|_| sale.request("ann", &["A-1", "A-2"]));
    let outcomes = sale.all_hold(requests.collect()).await;
    let winners = winners(&outcomes);
    let [winner] = winners.as_slice() else {
        panic!("one should be held: {winners:?}");
    };
    let same = HoldOutcome::AlreadyHeld((*winner).clone());
    let repeated = outcomes.iter().filter(|outcome| **outcome == same);
    assert_eq!(repeated.count(), 19);
    assert_eq!(sale.seats_left().await, 22);
}

/// A sweep that runs while users hold seats frees none of those seats.
pub async fn a_concurrent_sweep_frees_no_held_seat<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    for number in 1..=10 {
        let label = format!("A-{number}");
        sale.held(&format!("late-{number}"), &[&label]).await;
    }
    sale.pass(HOLD).await;
    let sweeps = (0..10).map(|_| {
        let port = Arc::clone(&sale.ports.reservations);
        async move { port.sweep(1).await.expect("sweep") }
    });
    let sweeps = tokio::spawn(at_once(sweeps.collect::<Vec<_>>()));
    let requests = (1..=10).map(|number| {
        let label = format!("A-{number}");
        sale.request(&format!("new-{number}"), &[&label])
    });
    let outcomes = sale.all_hold(requests.collect()).await;
    sweeps.await.expect("sweeps");
    assert_eq!(winners(&outcomes).len(), 10);
    assert_eq!(sale.seats_left().await, 14);
}
