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
    DatabaseFixture, HOLD, TestSale, amount, at_once, label, operator,
    test_sale::{DAY, far, plan, plan_of, venue},
};

impl<F: DatabaseFixture> TestSale<F> {
    /// Replaces the seat plan of the test's performance.
    async fn change_plan(&self, seats: SeatPlan) -> EditOutcome {
        self.edit(PerformanceEdit {
            seats: Some(seats),
            ..PerformanceEdit::default()
        })
        .await
    }

    async fn edit(&self, edit: PerformanceEdit) -> EditOutcome {
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

    async fn current_performance(&self) -> Performance {
        let all = self.ports.concerts.performances(self.concert).await;
        let mut all = all.expect("performances").into_iter();
        let ours = all.find(|one| one.id == self.performance);
        ours.expect("the performance")
    }

    /// Returns the number of seats and of free seats, as the performance counts them.
    async fn counts(&self) -> (u64, u64) {
        let performance = self.current_performance().await;
        (performance.seats_total, performance.seats_left)
    }
}

fn in_use(labels: &[&str]) -> EditOutcome {
    EditOutcome::SeatsInUse(labels.iter().map(|name| label(name)).collect())
}

/// Seats that are not in use may be removed, added, and get another section and price.
pub async fn free_seats_may_be_removed_added_and_changed<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let new = plan_of(&[
        ("Stalls", "A", 2, 120),
        ("Ring", "B", 1, 250),
        ("Ring", "D", 1, 7),
    ]);
    assert_eq!(sale.change_plan(new.clone()).await, EditOutcome::Done);
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
    assert_eq!(sale.map().await, expected);
    assert_eq!(sale.counts().await, (4, 4));
    let held = sale.held("ann", &["A-1", "D-1"]).await;
    assert_eq!(held.total, amount(127));
    let gone = sale.refusal("ben", &["A-3"]).await;
    assert_eq!(gone, HoldRefusal::NoSuchSeats(vec![label("A-3")]));
}

/// The seat map is in the order of the new plan, also for held and sold seats.
pub async fn seats_follow_the_order_of_the_new_plan<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.held("ann", &["A-2"]).await;
    let new = plan_of(&[
        ("Standing", "C", 2, 0),
        ("Floor", "E", 1, 5),
        ("Stalls", "A", 2, 100),
    ]);
    assert_eq!(sale.change_plan(new).await, EditOutcome::Done);
    assert_eq!(sale.labels().await, ["C-1", "C-2", "E-1", "A-1", "A-2"]);
    assert_eq!(sale.counts().await, (5, 4));
}

/// Sold and held seats must be in the new plan, with their section and their price. All those that
/// are not are named, in the order of the old plan.
pub async fn a_seat_in_use_cannot_be_removed_or_changed<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.bought("ann", &["B-2"]).await;
    sale.held("ben", &["A-3", "A-10"]).await;
    let before = (sale.map().await, sale.counts().await);
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
        assert_eq!(sale.change_plan(new).await, in_use(&named));
        assert_eq!((sale.map().await, sale.counts().await), before);
    }
}

/// If the plan is refused, the rest of the edit is not made either.
pub async fn a_refused_plan_changes_nothing_else<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.bought("ann", &["A-1"]).await;
    let before = sale.current_performance().await;
    let edit = |seats| PerformanceEdit {
        starts_at: Some(far() + DAY),
        venue: Some(venue("Open Air")),
        seats: Some(seats),
    };
    let refused = sale.edit(edit(plan_of(&[("Stalls", "B", 1, 100)]))).await;
    assert_eq!(refused, in_use(&["A-1"]));
    assert_eq!(sale.current_performance().await, before);
    let taken = sale.edit(edit(plan_of(&[("Stalls", "A", 1, 100)]))).await;
    assert_eq!(taken, EditOutcome::Done);
    let expected = Performance {
        starts_at: far() + DAY,
        venue: venue("Open Air"),
        seats_total: 1,
        seats_left: 0,
        ..before
    };
    assert_eq!(sale.current_performance().await, expected);
}

/// A new plan leaves seats in use with their users: a held seat can be paid.
pub async fn seats_in_use_stay_with_their_users<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let bought = sale.bought("ann", &["A-1"]).await;
    let held = sale.held("ben", &["A-2"]).await;
    let new = plan_of(&[("Floor", "D", 3, 7), ("Stalls", "A", 2, 100)]);
    assert_eq!(sale.change_plan(new).await, EditOutcome::Done);
    assert_eq!(sale.found(&bought).await, bought);
    assert_eq!(sale.found(&held).await, held);
    let taken = sale.refusal("cat", &["A-1", "A-2"]).await;
    assert_eq!(
        taken,
        HoldRefusal::SeatsTaken(vec![label("A-1"), label("A-2")])
    );
    sale.buy(held).await;
    assert_eq!(sale.seat("A-2").await, SeatState::Sold);
    assert_eq!(sale.counts().await, (5, 3));
}

/// An expired hold that was not swept keeps no seat: its reservation has expired.
pub async fn an_expired_hold_keeps_no_seat<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.charged("ann", 1_000).await;
    let lost = sale.held("ann", &["A-1", "A-2"]).await;
    sale.pass(HOLD).await;
    let live = sale.held("ben", &["A-3"]).await;
    let refused = sale.change_plan(plan_of(&[("Standing", "C", 4, 0)])).await;
    assert_eq!(refused, in_use(&["A-3"]));
    sale.release("ben", live.id).await;
    let new = plan_of(&[("Ring", "B", 1, 9)]);
    assert_eq!(sale.change_plan(new).await, EditOutcome::Done);
    assert_eq!(sale.state(&lost).await, ReservationState::Expired);
    let refused = PayOutcome::NotHeld(ReservationState::Expired);
    assert_eq!(sale.pay(&lost).await, refused);
    assert_eq!(sale.balance("ann").await, 1_000);
    assert_eq!(sale.sweep(10).await, 0, "nothing is left to be swept");
    assert_eq!(sale.counts().await, (1, 1));
    sale.held("ann", &["B-1"]).await;
}

/// A reservation that has ended still shows the seats that it had, though they are removed.
pub async fn an_ended_reservation_shows_its_removed_seats<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let released = sale.held("ann", &["A-1", "A-2"]).await;
    sale.release("ann", released.id).await;
    let new = plan_of(&[("Balcony", "B", 10, 9)]);
    assert_eq!(sale.change_plan(new).await, EditOutcome::Done);
    let expected = Reservation {
        state: ReservationState::Cancelled,
        ..released
    };
    assert_eq!(sale.found(&expected).await, expected);
}

/// A removed seat may return at another price, and be sold.
pub async fn a_removed_seat_may_be_added_again_and_sold<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let released = sale.held("ann", &["A-1"]).await;
    sale.release("ann", released.id).await;
    let without = plan_of(&[("Standing", "C", 4, 0)]);
    assert_eq!(sale.change_plan(without).await, EditOutcome::Done);
    let with = plan_of(&[("Stalls", "A", 1, 130)]);
    assert_eq!(sale.change_plan(with).await, EditOutcome::Done);
    let bought = sale.bought("ann", &["A-1"]).await;
    assert_eq!(bought.total, amount(130));
    assert_eq!(sale.found(&released).await.total, released.total);
    assert_eq!(sale.counts().await, (1, 0));
}

/// Thousands of seats are removed and added in one edit.
pub async fn thousands_of_seats_change_in_one_edit<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.bought("ann", &["A-7"]).await;
    let large = plan_of(&[("Floor", "F", 3_500, 1), ("Stalls", "A", 2_500, 100)]);
    assert_eq!(sale.change_plan(large.clone()).await, EditOutcome::Done);
    let planned = large.seats().iter().map(|seat| seat.label.to_string());
    assert!(planned.eq(sale.labels().await));
    assert_eq!(sale.counts().await, (6_000, 5_999));
    assert_eq!(sale.change_plan(plan()).await, EditOutcome::Done);
    assert_eq!(sale.labels().await.len(), plan().seats().len());
    assert_eq!(sale.counts().await, (24, 23));
}

/// While users hold seats, a plan removes some of them and raises the price of the others. Either
/// the plan comes first and users pay its prices, or it is refused because holds came first.
pub async fn concurrent_holds_and_a_new_plan_are_consistent<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    for round in 0..20 {
        sale.performance = sale.add_performance(sale.concert).await;
        let holds = ["A-1", "A-5", "A-10"].map(|seat| {
            let port = Arc::clone(&sale.ports.reservations);
            let request = sale.request(&format!("user-{round}-{seat}"), &[seat]);
            async move { port.hold(&request).await.expect("hold") }
        });
        let holds = tokio::spawn(at_once(holds));
        let edited = sale.change_plan(plan_of(&[("Stalls", "A", 5, 120)])).await;
        let outcomes = holds.await.expect("holds");
        let map = sale.map().await;
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
            (held, sale.counts().await),
            (expected, (total, total - expected))
        );
    }
}
