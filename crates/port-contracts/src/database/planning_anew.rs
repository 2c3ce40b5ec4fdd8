//! A new seat plan while seats are on sale.

use std::sync::Arc;

use frontrow_domain::{
    model::{
        HoldRefusal, Performance, PerformanceEdit, Reservation, ReservationState, Seat, SeatPlan,
        SeatState,
    },
    ports::{EditOutcome, HoldOutcome, PayOutcome},
};

use super::{
    BoxOffice, DatabaseFixture, HOLD, amount, at_once,
    box_office::{DAY, far, plan, plan_of, venue},
    label, operator,
};

impl<F: DatabaseFixture> BoxOffice<F> {
    /// Edits the seats of the office's performance.
    async fn plan_anew(&self, seats: SeatPlan) -> EditOutcome {
        self.edit_all(PerformanceEdit {
            seats: Some(seats),
            ..PerformanceEdit::default()
        })
        .await
    }

    async fn edit_all(&self, edit: PerformanceEdit) -> EditOutcome {
        let edited = self
            .ports
            .editor
            .edit_performance(self.concert, self.performance, &edit, &operator())
            .await;
        edited.expect("edit performance")
    }

    async fn map(&self) -> Vec<Seat> {
        let map = self.ports.concerts.seat_map(self.performance).await;
        map.expect("seat map").expect("the performance").seats
    }

    async fn labels(&self) -> Vec<String> {
        let map = self.map().await;
        map.iter().map(|seat| seat.label.to_string()).collect()
    }

    async fn the_performance(&self) -> Performance {
        let all = self.ports.concerts.performances(self.concert).await;
        let mut all = all.expect("performances").into_iter();
        let ours = all.find(|one| one.id == self.performance);
        ours.expect("the performance")
    }

    /// The number of seats, and of free seats, by the performance's own count.
    async fn counts(&self) -> (u64, u64) {
        let performance = self.the_performance().await;
        (performance.seats_total, performance.seats_left)
    }
}

fn in_use(labels: &[&str]) -> EditOutcome {
    EditOutcome::SeatsInUse(labels.iter().map(|name| label(name)).collect())
}

/// Seats that are not in use may be removed, added, and get another section and price.
pub async fn free_seats_may_go_come_and_change<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let new = plan_of(&[
        ("Stalls", "A", 2, 120),
        ("Ring", "B", 1, 250),
        ("Ring", "D", 1, 7),
    ]);
    assert_eq!(office.plan_anew(new.clone()).await, EditOutcome::Done);
    let expected: Vec<_> = new
        .seats()
        .iter()
        .map(|seat| Seat {
            label: seat.label.clone(),
            section: seat.section.clone(),
            price: seat.price,
            state: SeatState::Available,
        })
        .collect();
    assert_eq!(office.map().await, expected);
    assert_eq!(office.counts().await, (4, 4));
    let held = office.held("ann", &["A-1", "D-1"]).await;
    assert_eq!(held.total, amount(127));
    let gone = office.refusal("ben", &["A-3"]).await;
    assert_eq!(gone, HoldRefusal::NoSuchSeats(vec![label("A-3")]));
}

/// The seat map is in the order of the new plan, whichever users have the seats.
pub async fn seats_follow_the_order_of_the_new_plan<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.held("ann", &["A-2"]).await;
    let new = plan_of(&[
        ("Standing", "C", 2, 0),
        ("Floor", "E", 1, 5),
        ("Stalls", "A", 2, 100),
    ]);
    assert_eq!(office.plan_anew(new).await, EditOutcome::Done);
    assert_eq!(office.labels().await, ["C-1", "C-2", "E-1", "A-1", "A-2"]);
    assert_eq!(office.counts().await, (5, 4));
}

/// Sold and held seats must be in the new plan, with their section and their price. All those that
/// are not are named, in the order of the old plan.
pub async fn a_seat_in_use_cannot_be_edited_away<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.bought("ann", &["B-2"]).await;
    office.held("ben", &["A-3", "A-10"]).await;
    let before = (office.map().await, office.counts().await);
    for (new, named) in [
        (
            plan_of(&[("Standing", "C", 4, 0)]),
            vec!["B-2", "A-3", "A-10"],
        ),
        (
            plan_of(&[("Balcony", "B", 2, 250), ("Stalls", "A", 3, 100)]),
            vec!["A-10"],
        ),
        (
            plan_of(&[("Balcony", "B", 2, 249), ("Stalls", "A", 10, 100)]),
            vec!["B-2"],
        ),
        (
            plan_of(&[("Balcony", "B", 2, 250), ("Floor", "A", 10, 100)]),
            vec!["A-3", "A-10"],
        ),
    ] {
        assert_eq!(office.plan_anew(new).await, in_use(&named));
        assert_eq!((office.map().await, office.counts().await), before);
    }
}

/// If the plan is refused, the rest of the edit is not made either.
pub async fn a_refused_plan_changes_nothing_else<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.bought("ann", &["A-1"]).await;
    let before = office.the_performance().await;
    let edit = |seats| PerformanceEdit {
        starts_at: Some(far() + DAY),
        venue: Some(venue("Open Air")),
        seats: Some(seats),
    };
    let refused = office
        .edit_all(edit(plan_of(&[("Stalls", "B", 1, 100)])))
        .await;
    assert_eq!(refused, in_use(&["A-1"]));
    assert_eq!(office.the_performance().await, before);
    let taken = office
        .edit_all(edit(plan_of(&[("Stalls", "A", 1, 100)])))
        .await;
    assert_eq!(taken, EditOutcome::Done);
    let expected = Performance {
        starts_at: far() + DAY,
        venue: venue("Open Air"),
        seats_total: 1,
        seats_left: 0,
        ..before
    };
    assert_eq!(office.the_performance().await, expected);
}

/// A new plan leaves seats in use with their users: a held seat can be paid.
pub async fn seats_in_use_stay_with_whom_they_are<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let bought = office.bought("ann", &["A-1"]).await;
    let held = office.held("ben", &["A-2"]).await;
    let new = plan_of(&[("Floor", "D", 3, 7), ("Stalls", "A", 2, 100)]);
    assert_eq!(office.plan_anew(new).await, EditOutcome::Done);
    assert_eq!(office.found(&bought).await, bought);
    assert_eq!(office.found(&held).await, held);
    let taken = office.refusal("cat", &["A-1", "A-2"]).await;
    assert_eq!(
        taken,
        HoldRefusal::SeatsTaken(vec![label("A-1"), label("A-2")])
    );
    office.buy(held).await;
    assert_eq!(office.seat("A-2").await, SeatState::Sold);
    assert_eq!(office.counts().await, (5, 3));
}

/// An expired hold that was not swept keeps no seat: its reservation has expired.
pub async fn a_hold_that_is_over_is_no_use<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.charged("ann", 1_000).await;
    let lost = office.held("ann", &["A-1", "A-2"]).await;
    office.pass(HOLD).await;
    let live = office.held("ben", &["A-3"]).await;
    let refused = office.plan_anew(plan_of(&[("Standing", "C", 4, 0)])).await;
    assert_eq!(refused, in_use(&["A-3"]));
    office.release("ben", live.id).await;
    let new = plan_of(&[("Ring", "B", 1, 9)]);
    assert_eq!(office.plan_anew(new).await, EditOutcome::Done);
    assert_eq!(office.state(&lost).await, ReservationState::Expired);
    let refused = PayOutcome::NotHeld(ReservationState::Expired);
    assert_eq!(office.pay(&lost).await, refused);
    assert_eq!(office.balance("ann").await, 1_000);
    assert_eq!(office.sweep(10).await, 0, "nothing is left to be swept");
    assert_eq!(office.counts().await, (1, 1));
    office.held("ann", &["B-1"]).await;
}

/// A reservation that has ended still shows the seats that it had, though they are removed.
pub async fn a_dropped_seat_is_remembered_by_its_reservation<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let released = office.held("ann", &["A-1", "A-2"]).await;
    office.release("ann", released.id).await;
    let new = plan_of(&[("Balcony", "B", 10, 9)]);
    assert_eq!(office.plan_anew(new).await, EditOutcome::Done);
    let expected = Reservation {
        state: ReservationState::Cancelled,
        ..released
    };
    assert_eq!(office.found(&expected).await, expected);
}

/// A removed seat may return at another price, and be sold.
pub async fn a_seat_that_comes_back_is_free<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let released = office.held("ann", &["A-1"]).await;
    office.release("ann", released.id).await;
    let without = plan_of(&[("Standing", "C", 4, 0)]);
    assert_eq!(office.plan_anew(without).await, EditOutcome::Done);
    let with = plan_of(&[("Stalls", "A", 1, 130)]);
    assert_eq!(office.plan_anew(with).await, EditOutcome::Done);
    let bought = office.bought("ann", &["A-1"]).await;
    assert_eq!(bought.total, amount(130));
    assert_eq!(office.found(&released).await.total, released.total);
    assert_eq!(office.counts().await, (1, 0));
}

/// Thousands of seats are removed and added in one edit.
pub async fn a_large_hall_is_planned_anew<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.bought("ann", &["A-7"]).await;
    let large = plan_of(&[("Floor", "F", 3_500, 1), ("Stalls", "A", 2_500, 100)]);
    assert_eq!(office.plan_anew(large.clone()).await, EditOutcome::Done);
    let planned = large.seats().iter().map(|seat| seat.label.to_string());
    assert!(planned.eq(office.labels().await));
    assert_eq!(office.counts().await, (6_000, 5_999));
    assert_eq!(office.plan_anew(plan()).await, EditOutcome::Done);
    assert_eq!(office.labels().await.len(), plan().seats().len());
    assert_eq!(office.counts().await, (24, 23));
}

/// While users hold seats, a plan removes some of them and raises the price of the others. Either
/// the plan comes first and users pay its prices, or it is refused because holds came first.
pub async fn a_hold_and_a_new_plan_agree<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    for round in 0..20 {
        office.performance = office.add_performance(office.concert).await;
        let holds = ["A-1", "A-5", "A-10"].map(|seat| {
            let port = Arc::clone(&office.ports.reservations);
            let request = office.request(&format!("user-{round}-{seat}"), &[seat]);
            async move { port.hold(&request).await.expect("hold") }
        });
        let holds = tokio::spawn(at_once(holds));
        let edited = office.plan_anew(plan_of(&[("Stalls", "A", 5, 120)])).await;
        let outcomes = holds.await.expect("holds");
        let map = office.map().await;
        let mut held = 0;
        for outcome in outcomes {
            match outcome {
                HoldOutcome::Held(reservation) => {
                    held += 1;
                    let [seat] = reservation.seats.as_slice() else {
                        panic!("one seat was asked for: {reservation:?}");
                    };
                    let shown = map.iter().find(|shown| shown.label == seat.label);
                    let shown = shown.expect("what is held is on the map");
                    assert_eq!((shown.state, shown.price), (SeatState::Held, seat.price));
                    let price = if edited == EditOutcome::Done {
                        120
                    } else {
                        100
                    };
                    assert_eq!(reservation.total, amount(price));
                }
                HoldOutcome::Refused(HoldRefusal::NoSuchSeats(gone)) => {
                    assert_eq!((&edited, gone), (&EditOutcome::Done, vec![label("A-10")]));
                }
                other => panic!("no other user wants these seats: {other:?}"),
            }
        }
        let (total, expected) = match &edited {
            EditOutcome::Done => (5, 2),
            EditOutcome::SeatsInUse(named) => {
                assert!(!named.is_empty());
                (24, 3)
            }
            EditOutcome::SlotTaken(_) | EditOutcome::NotFound => panic!("it is there"),
        };
        assert_eq!(
            (held, office.counts().await),
            (expected, (total, total - expected))
        );
    }
}
