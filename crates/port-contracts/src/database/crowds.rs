//! Many requests for seats at the same moment.

use std::{collections::BTreeSet, sync::Arc};

use frontrow_domain::{
    model::{HoldRefusal, HoldRequest, Reservation, SeatState},
    ports::{HoldOutcome, Reservations},
};

use super::{BoxOffice, DatabaseFixture, HOLD, at_once, label};

async fn hold(reservations: Arc<dyn Reservations>, request: HoldRequest) -> HoldOutcome {
    reservations.hold(&request).await.expect("hold")
}

impl<F: DatabaseFixture> BoxOffice<F> {
    /// Sends all these requests at once, and returns the outcomes.
    async fn all_hold(&self, requests: Vec<HoldRequest>) -> Vec<HoldOutcome> {
        let port = &self.ports.reservations;
        let calls = requests
            .into_iter()
            .map(|request| hold(Arc::clone(port), request));
        at_once(calls.collect::<Vec<_>>()).await
    }
}

/// The reservations among the outcomes.
fn winners(outcomes: &[HoldOutcome]) -> Vec<&Reservation> {
    let held = outcomes.iter().filter_map(|outcome| match outcome {
        HoldOutcome::Held(reservation) => Some(reservation),
        _ => None,
    });
    held.collect()
}

/// If a hundred users want one seat, one gets it.
pub async fn one_of_a_hundred_gets_the_seat<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let requests = (0..100).map(|number| office.request(&format!("user-{number}"), &["A-1"]));
    let outcomes = office.all_hold(requests.collect()).await;
    assert_eq!(winners(&outcomes).len(), 1);
    let taken = HoldOutcome::Refused(HoldRefusal::SeatsTaken(vec![label("A-1")]));
    let refused = outcomes.iter().filter(|outcome| **outcome == taken);
    assert_eq!(refused.count(), 99);
    assert_eq!(office.seats_left().await, 23);
}

/// The same holds for a seat whose hold has expired and was not swept.
pub async fn one_of_a_crowd_takes_a_seat_over<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.held("ann", &["A-1", "A-2"]).await;
    office.pass(HOLD).await;
    let mut requests = Vec::new();
    for number in 0..20 {
        requests.push(office.request(&format!("one-{number}"), &["A-1"]));
        requests.push(office.request(&format!("two-{number}"), &["A-2"]));
    }
    let outcomes = office.all_hold(requests).await;
    assert_eq!(winners(&outcomes).len(), 2);
    assert_eq!(office.seats_left().await, 22);
}

/// Users who want four seats each, with overlaps, get all of them or none, and no seat is held
/// twice.
pub async fn overlapping_holds_are_whole_or_nothing<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let requests = (0..40).map(|number| {
        let labels = (0..4).map(|next| format!("A-{}", (number + next * 3) % 10 + 1));
        let labels: Vec<_> = labels.collect();
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        office.request(&format!("user-{number}"), &labels)
    });
    let outcomes = office.all_hold(requests.collect()).await;
    let winners = winners(&outcomes);
    let mut gone = BTreeSet::new();
    for reservation in &winners {
        assert_eq!(reservation.seats.len(), 4);
        assert_eq!(&office.found(reservation).await, *reservation);
        for seat in &reservation.seats {
            assert!(gone.insert(seat.label.clone()), "{} went twice", seat.label);
            assert_eq!(office.seat(seat.label.as_str()).await, SeatState::Held);
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
    assert_eq!(office.seats_left().await, 24 - 4 * winners.len() as u64);
}

/// A user who sends many different requests at once gets one hold in the concert.
pub async fn one_user_gets_one_hold<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let second = office.add_performance(office.concert).await;
    let mut requests = Vec::new();
    for number in 1..=10 {
        let label = format!("A-{number}");
        let request = office.request("ann", &[&label]);
        requests.push(HoldRequest {
            id: office.reservation_id(),
            performance: second,
            ..request.clone()
        });
        requests.push(request);
    }
    let outcomes = office.all_hold(requests).await;
    let winners = winners(&outcomes);
    let [winner] = winners.as_slice() else {
        panic!("one should be held: {winners:?}");
    };
    let other = HoldOutcome::Refused(HoldRefusal::OtherHold(winner.id));
    let refused = outcomes.iter().filter(|outcome| **outcome == other);
    assert_eq!(refused.count(), 19);
}

/// The same request many times at once makes one hold.
pub async fn the_same_hold_at_once_is_one_hold<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let requests = (0..20).map(|_| office.request("ann", &["A-1", "A-2"]));
    let outcomes = office.all_hold(requests.collect()).await;
    let winners = winners(&outcomes);
    let [winner] = winners.as_slice() else {
        panic!("one should be held: {winners:?}");
    };
    let same = HoldOutcome::AlreadyHeld((*winner).clone());
    let repeated = outcomes.iter().filter(|outcome| **outcome == same);
    assert_eq!(repeated.count(), 19);
    assert_eq!(office.seats_left().await, 22);
}

/// A sweep while users hold seats frees none of those seats.
pub async fn sweeping_takes_nothing_from_those_who_hold<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    for number in 1..=10 {
        let label = format!("A-{number}");
        office.held(&format!("late-{number}"), &[&label]).await;
    }
    office.pass(HOLD).await;
    let sweeps = (0..10).map(|_| {
        let port = Arc::clone(&office.ports.reservations);
        async move { port.sweep(1).await.expect("sweep") }
    });
    let sweeps = tokio::spawn(at_once(sweeps.collect::<Vec<_>>()));
    let requests = (1..=10).map(|number| {
        let label = format!("A-{number}");
        office.request(&format!("new-{number}"), &[&label])
    });
    let outcomes = office.all_hold(requests.collect()).await;
    sweeps.await.expect("sweeps");
    assert_eq!(winners(&outcomes).len(), 10);
    assert_eq!(office.seats_left().await, 14);
}
