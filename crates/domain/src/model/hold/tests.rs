use uuid::Uuid;

use super::*;
use crate::model::queue::{Arrival, Generation};

const CONCERT: ConcertId = ConcertId(Uuid::from_u128(1));
const PERFORMANCE: PerformanceId = PerformanceId(Uuid::from_u128(2));

/// The present time of the store, in seconds since 1970.
const NOW: i64 = 1_000;
/// The start of the performance, in seconds since 1970.
const STARTS: i64 = 5_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn amount(minor_units: i64) -> Amount {
    Amount::try_from(minor_units).unwrap()
}

fn reservation(number: u128) -> ReservationId {
    ReservationId(Uuid::from_u128(number))
}

fn labels(names: &[&str]) -> Vec<SeatLabel> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn request(seats: &[&str]) -> HoldRequest {
    let user = UserId::try_from("ann").unwrap();
    HoldRequest {
        id: reservation(100),
        user: user.clone(),
        concert: CONCERT,
        performance: PERFORMANCE,
        seats: SeatSelection::try_from(labels(seats)).unwrap(),
        hold_for: HOLD_DEFAULT,
        ticket: Ticket {
            concert: CONCERT,
            user,
            arrival: Arrival::from_micros(7),
            generation: Generation(8),
        },
    }
}

fn free(label: &str) -> SeatFacts {
    SeatFacts {
        label: label.parse().unwrap(),
        price: amount(100),
        reservation: None,
        held_until: None,
    }
}

fn held(label: &str, by: u128, until: i64) -> SeatFacts {
    SeatFacts {
        reservation: Some(reservation(by)),
        held_until: Some(at(until)),
        ..free(label)
    }
}

fn sold(label: &str, to: u128) -> SeatFacts {
    SeatFacts {
        reservation: Some(reservation(to)),
        ..free(label)
    }
}

/// Returns the facts of a performance on sale, for a user without seats.
fn facts(seats: Vec<SeatFacts>) -> HoldFacts {
    HoldFacts {
        now: at(NOW),
        concert: CONCERT,
        starts_at: at(STARTS),
        own_hold: None,
        free_slots: vec![1, 2, 3, 4],
        seats,
    }
}

/// Returns a hold of the user, with the id 50.
fn own(performance: PerformanceId, seats: &[&str], until: i64) -> Reservation {
    let HoldRequest { user, ticket, .. } = request(&["A-1"]);
    let priced = labels(seats).into_iter().map(|label| PricedSeat {
        label,
        price: amount(100),
    });
    Reservation {
        id: reservation(50),
        user,
        concert: CONCERT,
        performance,
        seats: priced.collect(),
        total: amount(100),
        state: ReservationState::Held { until: at(until) },
        ticket: Some(ticket),
    }
}

fn taken(request: &HoldRequest, facts: HoldFacts) -> NewHold {
    match request.decide(Some(facts)) {
        Ok(HoldDecision::Take(new)) => new,
        other => panic!("should take the seats: {other:?}"),
    }
}

fn refusal(request: &HoldRequest, facts: Option<HoldFacts>) -> HoldRefusal {
    match request.decide(facts) {
        Ok(HoldDecision::Refused(refusal)) => refusal,
        other => panic!("should be refused: {other:?}"),
    }
}

#[test]
fn free_seats_become_a_reservation() {
    let request = request(&["A-2", "A-1"]);
    let expensive = SeatFacts {
        price: amount(250),
        ..free("A-2")
    };
    let new = taken(&request, facts(vec![free("A-1"), expensive]));
    let until = at(NOW) + HOLD_DEFAULT;
    let priced = |label: &str, price| PricedSeat {
        label: label.parse().unwrap(),
        price: amount(price),
    };
    let expected = NewHold {
        reservation: Reservation {
            id: request.id,
            user: request.user.clone(),
            concert: CONCERT,
            performance: PERFORMANCE,
            seats: vec![priced("A-1", 100), priced("A-2", 250)],
            total: amount(350),
            state: ReservationState::Held { until },
            ticket: Some(request.ticket.clone()),
        },
        until,
        slots: vec![1, 2],
        lapsed: Vec::new(),
    };
    assert_eq!(new, expected);
}

#[test]
fn a_hold_ends_in_whole_microseconds() {
    let mut request = request(&["A-1"]);
    request.hold_for = Duration::from_nanos(1_999);
    let new = taken(&request, facts(vec![free("A-1")]));
    assert_eq!(new.until, at(NOW) + Duration::from_micros(1));
    assert_eq!(
        new.reservation.state,
        ReservationState::Held { until: new.until }
    );
}

#[test]
fn a_seat_gets_a_slot_that_the_user_has_free() {
    let few = HoldFacts {
        free_slots: vec![2, 4],
        ..facts(vec![free("A-1"), free("A-2")])
    };
    assert_eq!(taken(&request(&["A-1", "A-2"]), few).slots, [2, 4]);
    let used = |slot| slot == 1 || slot == 3;
    assert_eq!(HoldFacts::free_slots(used), [2, 4]);
    assert_eq!(HoldFacts::free_slots(|_| true), []);
    let all = HoldFacts::free_slots(|_| false);
    assert_eq!(all.len(), SEATS_PER_USER_MAX);
}

#[test]
fn expired_holds_are_ended_once_each_and_sorted() {
    // Hold 30 had two of the seats, 20 expires at this very instant, and 50 is the user's own.
    let seats = vec![
        held("A-1", 30, NOW - 1),
        held("A-2", 20, NOW),
        held("A-3", 30, NOW - 1),
        free("A-4"),
    ];
    let own_expired = HoldFacts {
        own_hold: Some(own(PERFORMANCE, &["A-9"], NOW)),
        ..facts(seats.clone())
    };
    let request = request(&["A-1", "A-2", "A-3", "A-4"]);
    let lapsed = taken(&request, own_expired).lapsed;
    assert_eq!(lapsed, [20, 30, 50].map(reservation));
    assert_eq!(
        taken(&request, facts(seats)).lapsed,
        [20, 30].map(reservation)
    );
    // The user's own expired hold of the seat is listed once.
    let again = HoldFacts {
        own_hold: Some(own(PERFORMANCE, &["A-1"], NOW - 1)),
        ..facts(vec![held("A-1", 50, NOW - 1)])
    };
    let lapsed = taken(&self::request(&["A-1"]), again).lapsed;
    assert_eq!(lapsed, [reservation(50)]);
}

#[test]
fn the_same_seats_are_already_held() {
    let live = own(PERFORMANCE, &["A-1", "A-2"], NOW + 1);
    let seats = vec![held("A-1", 50, NOW + 1), held("A-2", 50, NOW + 1)];
    let facts = HoldFacts {
        own_hold: Some(live.clone()),
        free_slots: vec![3, 4],
        ..facts(seats)
    };
    let decision = request(&["A-2", "A-1"]).decide(Some(facts));
    assert_eq!(decision, Ok(HoldDecision::AlreadyHeld(live)));
}

#[test]
fn other_seats_are_another_hold() {
    let other_performance = PerformanceId(Uuid::from_u128(3));
    for (performance, seats) in [
        (PERFORMANCE, &["A-2"][..]),
        (PERFORMANCE, &["A-1", "A-2"]),
        (PERFORMANCE, &[]),
        (other_performance, &["A-1"]),
    ] {
        let facts = HoldFacts {
            own_hold: Some(own(performance, seats, NOW + 1)),
            ..facts(vec![free("A-1")])
        };
        let refused = refusal(&request(&["A-1"]), Some(facts));
        assert_eq!(
            refused,
            HoldRefusal::OtherHold(reservation(50)),
            "{seats:?}"
        );
    }
}

#[test]
fn a_performance_sells_until_the_microsecond_before_it_starts() {
    let starting = |starts_at| HoldFacts {
        starts_at,
        ..facts(vec![free("A-1")])
    };
    let request = request(&["A-1"]);
    for started in [at(NOW), at(NOW - 1)] {
        let refused = refusal(&request, Some(starting(started)));
        assert_eq!(refused, HoldRefusal::Started);
    }
    taken(&request, starting(at(NOW) + Duration::from_micros(1)));
}

#[test]
fn the_limit_counts_the_seats_that_the_user_has() {
    let with_free = |free_slots: &[u8]| HoldFacts {
        free_slots: free_slots.to_vec(),
        ..facts(vec![free("A-1"), free("A-2")])
    };
    let request = request(&["A-1", "A-2"]);
    for (free_slots, live) in [(&[][..], 4), (&[4], 3)] {
        let refused = refusal(&request, Some(with_free(free_slots)));
        assert_eq!(refused, HoldRefusal::SeatLimit { live });
    }
    taken(&request, with_free(&[2, 3]));
}

#[test]
fn seats_that_are_held_by_others_or_sold_are_named() {
    let seats = vec![
        sold("A-1", 20),
        free("A-2"),
        held("A-3", 30, NOW + 1),
        held("A-4", 40, NOW),
    ];
    let request = request(&["A-1", "A-2", "A-3", "A-4"]);
    let refused = refusal(&request, Some(facts(seats)));
    let expected = HoldRefusal::SeatsTaken(labels(&["A-1", "A-3"]));
    assert_eq!(refused, expected);
}

#[test]
fn seats_without_a_total_are_an_error() {
    let expensive = |label: &str| SeatFacts {
        price: Amount::MAX,
        ..free(label)
    };
    let request = request(&["A-1", "A-2"]);
    let decision = request.decide(Some(facts(vec![expensive("A-1"), expensive("A-2")])));
    assert_eq!(decision, Err(TotalTooLarge));
    taken(&self::request(&["A-1"]), facts(vec![expensive("A-1")]));
}

type Correction = fn(&mut HoldFacts);

/// Begins with facts to which every refusal applies. Each row removes the reason that the previous
/// row expected, and expects the next reason.
#[test]
fn the_first_reason_that_applies_is_given() {
    let request = request(&["A-1", "A-2", "A-3"]);
    assert_eq!(refusal(&request, None), HoldRefusal::NoSuchPerformance);

    let all_wrong = HoldFacts {
        now: at(NOW),
        concert: ConcertId(Uuid::from_u128(9)),
        starts_at: at(NOW),
        own_hold: Some(own(PERFORMANCE, &["A-9"], NOW + 1)),
        free_slots: vec![3, 4],
        seats: vec![
            SeatFacts {
                price: Amount::MAX,
                ..sold("A-2", 20)
            },
            SeatFacts {
                price: Amount::MAX,
                ..free("A-3")
            },
        ],
    };
    let corrections: [(Correction, HoldRefusal); 6] = [
        (|_| (), HoldRefusal::OtherConcert),
        (|facts| facts.concert = CONCERT, HoldRefusal::Started),
        (
            |facts| facts.starts_at = at(STARTS),
            HoldRefusal::NoSuchSeats(labels(&["A-1"])),
        ),
        (
            |facts| facts.seats.insert(0, free("A-1")),
            HoldRefusal::OtherHold(reservation(50)),
        ),
        (
            |facts| facts.own_hold = None,
            HoldRefusal::SeatLimit { live: 2 },
        ),
        (
            |facts| facts.free_slots = vec![2, 3, 4],
            HoldRefusal::SeatsTaken(labels(&["A-2"])),
        ),
    ];
    let mut facts = all_wrong;
    for (correct, expected) in corrections {
        correct(&mut facts);
        assert_eq!(refusal(&request, Some(facts.clone())), expected);
    }
    for seat in &mut facts.seats {
        seat.reservation = None;
    }
    assert_eq!(request.decide(Some(facts)), Err(TotalTooLarge));
}

#[test]
fn the_default_hold_is_one_that_may_be_configured() {
    assert!(HOLD_RANGE.contains(&HOLD_DEFAULT));
}
