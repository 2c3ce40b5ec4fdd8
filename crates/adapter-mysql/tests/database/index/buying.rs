//! The requests of buyers, with every outcome.

use frontrow_domain::{
    model::{Amount, ConcertId, HoldRefusal, Keyed, PageRequest, PerformanceId, ReservationId},
    ports::{
        ChargeOutcome, Concerts, HoldOutcome, Idempotency, KeyUse, PayOutcome, PaymentRequest,
        Points, ReleaseOutcome, Reservations,
    },
};
use jiff::SignedDuration;
use uuid::Uuid;

use super::{
    cost_check::CostCheck,
    dataset::{CONCERTS, Kind, REGULAR, UPCOMING_PERFORMANCES, id_of},
};
use crate::program::{HOLD, user};

pub(super) async fn browsing(check: &mut CostCheck) {
    // For the number of seats left, a call adds up at most 16 counters of each performance and
    // counts its held seats. It reads one more row of each kind to find the end.
    let counted = 16 + 1 + check.dataset.held_per_performance() + 1;
    let concerts = check.call_that_counts(
        "all concerts",
        UPCOMING_PERFORMANCES * counted,
        async |program| {
            let now = "2030-01-01T00:00:00Z".parse().unwrap();
            program.database.catalogue(now).await.unwrap()
        },
    );
    // The data set has `CONCERTS`, and every program has one of its own.
    assert_eq!(concerts.await.concerts.len() as u64, CONCERTS + 1);
    let performances =
        check.call_that_counts("a concert's performances", 5 * counted, async |program| {
            let concert = program.concert;
            program.database.performances(concert).await.unwrap()
        });
    assert_eq!(performances.await.len(), 5);
    let map = check.call("a seat map", async |program| {
        let performance = program.performance;
        program.database.seat_map(performance).await.unwrap()
    });
    let seats = map.await.unwrap().seats.len() as u64;
    assert_eq!(seats, check.dataset.seats_per_performance());
    let none = check.call("a seat map of nothing", async |program| {
        let nothing = PerformanceId(Uuid::nil());
        program.database.seat_map(nothing).await.unwrap()
    });
    assert!(none.await.is_none());
    reservations(check).await;
}

async fn reservations(check: &mut CostCheck) {
    let (middle, concert) = (check.dataset.middle(), check.dataset.concert_of_middle());
    let middle = ReservationId(id_of(&mut check.raw, Kind::Reservation, middle).await);
    let concert = ConcertId(id_of(&mut check.raw, Kind::Concert, concert).await);
    for (which, after) in [("first", None), ("next", Some(middle))] {
        let page = PageRequest { after, limit: 20 };
        let what = format!("a regular's {which} page");
        let found = check.call(&what, async |program| {
            program
                .database
                .of_user(&user(REGULAR), page)
                .await
                .unwrap()
        });
        assert_eq!(found.await.items.len(), 20);
        let what = format!("a concert's {which} page");
        let sold = check.call(&what, async |program| {
            program.database.of_concert(concert, page).await.unwrap()
        });
        assert_eq!(sold.await.items.len(), 20);
    }
    let none = check.call("no reservations", async |program| {
        let page = PageRequest {
            after: None,
            limit: 20,
        };
        program
            .database
            .of_user(&user("unknown"), page)
            .await
            .unwrap()
    });
    assert_eq!(none.await.items, []);
    for (what, name) in [
        ("another user's reservation", "unknown"),
        ("a reservation", REGULAR),
    ] {
        check
            .call(what, async |program| {
                Reservations::find(&program.database, middle, &user(name))
                    .await
                    .unwrap()
            })
            .await;
    }
}

pub(super) async fn points(check: &mut CostCheck) {
    for name in ["unknown", REGULAR] {
        check
            .call(&format!("the balance of {name}"), async |program| {
                program.database.balance(&user(name)).await.unwrap()
            })
            .await;
    }
    for name in ["new", REGULAR] {
        let charge = check.program.charge_of(name, 10_000);
        let what = format!("a charge of {name}");
        for (what, replay) in [(what.clone(), false), (format!("{what} again"), true)] {
            let charged = check.call(&what, async |program| {
                program.database.charge(&charge).await.unwrap()
            });
            let charged = charged.await;
            let expected =
                matches!(&charged, ChargeOutcome::Charged(one) if one.replayed == replay);
            assert!(expected, "{what}: {charged:?}");
        }
        let found = check.call("the effect of a key", async |program| {
            Idempotency::find(&program.database, &charge.keyed)
                .await
                .unwrap()
        });
        assert!(matches!(found.await, KeyUse::Replayed(_)));
        let mut other = check.program.charge_of(name, 5);
        other.keyed.key = charge.keyed.key.clone();
        let reused = check.call("a key used again", async |program| {
            program.database.charge(&other).await.unwrap()
        });
        assert_eq!(reused.await, ChargeOutcome::KeyReused);
    }
    let too_much = check.program.charge_of(REGULAR, Amount::MAX.minor_units());
    let refused = check.call("a charge of too much", async |program| {
        program.database.charge(&too_much).await.unwrap()
    });
    assert_eq!(refused.await, ChargeOutcome::TooMuch);
}

pub(super) async fn holds(check: &mut CostCheck) {
    let hold = async |check: &mut CostCheck, what: &str, request| {
        check
            .call(what, async |program| {
                program.database.hold(&request).await.unwrap()
            })
            .await
    };
    let refused =
        async |check: &mut CostCheck, what: &str, request| match hold(check, what, request).await {
            HoldOutcome::Refused(refusal) => refusal,
            other => panic!("{what}: {other:?}"),
        };
    let own = check
        .program
        .request("ann", &["R1-8", "R1-9", "R1-10", "R2-8"]);
    let held = hold(check, "a hold of four", own.clone()).await;
    assert!(matches!(held, HoldOutcome::Held(_)), "{held:?}");
    let again = hold(check, "the very same hold", own).await;
    assert!(matches!(again, HoldOutcome::AlreadyHeld(_)), "{again:?}");
    let other = check.program.request("ann", &["R3-8"]);
    let refusal = refused(check, "a hold beside another", other).await;
    assert!(matches!(refusal, HoldRefusal::OtherHold(_)), "{refusal:?}");
    let taken = check
        .program
        .request("ben", &["R1-1", "R1-6", "R1-8", "R1-7"]);
    let refusal = refused(check, "a hold of taken seats", taken).await;
    assert!(
        matches!(&refusal, HoldRefusal::SeatsTaken(three) if three.len() == 3),
        "{refusal:?}"
    );
    let unknown = check.program.request("ben", &["R1-8", "Z-1", "Z-2"]);
    let refusal = refused(check, "a hold of no seats", unknown).await;
    assert!(
        matches!(refusal, HoldRefusal::NoSuchSeats(_)),
        "{refusal:?}"
    );
    let mut nowhere = check.program.request("ben", &["R1-8"]);
    nowhere.performance = PerformanceId(Uuid::nil());
    let refusal = refused(check, "a hold of nothing", nowhere).await;
    assert_eq!(refusal, HoldRefusal::NoSuchPerformance);
    let mut misplaced = check.program.request("ben", &["R1-8"]);
    misplaced.performance = check.other.1;
    let refusal = refused(check, "a hold in another concert", misplaced).await;
    assert_eq!(refusal, HoldRefusal::OtherConcert);
    let late = check.request_at(check.past, "ben", &["R1-8"]);
    let refusal = refused(check, "a hold too late", late).await;
    assert_eq!(refusal, HoldRefusal::Started);

    // The hold of seat 7 of the first row of each hundred expired yesterday, and no sweep has ended
    // it.
    let expired = check.program.request("ben", &["R0-7", "R0-8"]);
    let held = hold(check, "a hold of a seat whose hold is expired", expired).await;
    assert!(matches!(held, HoldOutcome::Held(_)), "{held:?}");
    let regular = check.program.request(REGULAR, &["R3-9"]);
    let held = hold(check, "a regular's hold", regular).await;
    assert!(matches!(held, HoldOutcome::Held(_)), "{held:?}");
    check
        .program
        .offset
        .shift(SignedDuration::try_from(HOLD).unwrap());
    let again = check.program.request("ann", &["R1-8", "R4-8"]);
    let held = hold(check, "a hold after one's own", again).await;
    assert!(matches!(held, HoldOutcome::Held(_)), "{held:?}");
}

pub(super) async fn payments(check: &mut CostCheck) {
    let pay = async |check: &mut CostCheck, what: &str, payment: &PaymentRequest| {
        check
            .call(what, async |program| {
                program.database.pay(payment).await.unwrap()
            })
            .await
    };
    let labels = ["R5-8", "R5-9", "R5-10", "R6-8"];
    let held = check.program.held("cat", &labels).await;
    let payment = check.program.payment_of(&held);
    let short = pay(check, "a payment without points", &payment).await;
    assert!(
        matches!(short, PayOutcome::NotEnoughPoints { .. }),
        "{short:?}"
    );
    check.program.charge("cat", 399).await;
    let short = pay(check, "a payment with too few points", &payment).await;
    assert!(
        matches!(short, PayOutcome::NotEnoughPoints { .. }),
        "{short:?}"
    );
    check.program.charge("cat", 10_000).await;
    for (what, replay) in [("a payment", false), ("a payment again", true)] {
        let paid = pay(check, what, &payment).await;
        assert!(
            matches!(&paid, PayOutcome::Paid(one) if one.replayed == replay),
            "{paid:?}"
        );
    }
    let twice = check.program.payment_of(&held);
    let refused = pay(check, "a payment of a paid reservation", &twice).await;
    assert!(matches!(refused, PayOutcome::NotHeld(_)), "{refused:?}");
    let mut reused = check.program.payment_of(&held);
    reused.keyed = Keyed::payment(
        &reused.user,
        ReservationId(Uuid::nil()),
        payment.keyed.key.clone(),
    );
    let refused = pay(check, "a payment with a used key", &reused).await;
    assert_eq!(refused, PayOutcome::KeyReused);
    let mut nothing = check.program.payment_of(&held);
    nothing.reservation = ReservationId(Uuid::nil());
    assert_eq!(
        pay(check, "a payment of nothing", &nothing).await,
        PayOutcome::NotFound
    );
    let mut misplaced = check.program.payment_of(&held);
    misplaced.concert = check.other.0;
    let refused = pay(check, "a payment in another concert", &misplaced).await;
    assert_eq!(refused, PayOutcome::OtherConcert);

    let fifth = check.program.request("cat", &["R7-8"]);
    let refused = check.call("a fifth seat", async |program| {
        program.database.hold(&fifth).await.unwrap()
    });
    assert_eq!(
        refused.await,
        HoldOutcome::Refused(HoldRefusal::SeatLimit { live: 4 })
    );
    releases(check, held.id).await;
}

async fn releases(check: &mut CostCheck, paid: ReservationId) {
    let held = check.program.held("dan", &["R7-8", "R7-9", "R7-10"]).await;
    let expired = check.program.held("eva", &["R8-8"]).await;
    let release = async |check: &mut CostCheck, what: &str, id, name| {
        check
            .call(what, async |program| {
                program.database.release(id, &user(name)).await.unwrap()
            })
            .await
    };
    for what in ["a release", "a release again"] {
        let released = release(check, what, held.id, "dan").await;
        assert_eq!(released, ReleaseOutcome::Released);
    }
    let refused = release(check, "a release of another user's", held.id, "eva").await;
    assert_eq!(refused, ReleaseOutcome::NotFound);
    let refused = release(check, "a release of a paid reservation", paid, "cat").await;
    assert_eq!(refused, ReleaseOutcome::Confirmed);
    check
        .program
        .offset
        .shift(SignedDuration::try_from(HOLD).unwrap());
    let refused = release(check, "a release too late", expired.id, "eva").await;
    assert_eq!(refused, ReleaseOutcome::Expired);
}
