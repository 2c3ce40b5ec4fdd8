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
    season::{CONCERTS, Kind, PERFORMANCES_TO_COME, REGULAR, id_of},
    tour::Tour,
};
use crate::program::{HOLD, user};

pub(super) async fn look_around(tour: &mut Tour) {
    // "Seats left" is that: of each performance at most sixteen numbers are added up, and its held seats are
    // counted; a look behind the last of each finds their ends.
    let counted = 16 + 1 + tour.season.held_a_performance() + 1;
    let concerts = tour.counting(
        "all concerts",
        PERFORMANCES_TO_COME * counted,
        async |program| {
            let now = "2030-01-01T00:00:00Z".parse().unwrap();
            program.database.catalogue(now).await.unwrap()
        },
    );
    // The season's, and the one that every program has.
    assert_eq!(concerts.await.concerts.len() as u64, CONCERTS + 1);
    let performances = tour.counting("a concert's performances", 5 * counted, async |program| {
        let concert = program.concert;
        program.database.performances(concert).await.unwrap()
    });
    assert_eq!(performances.await.len(), 5);
    let map = tour.call("a seat map", async |program| {
        let performance = program.performance;
        program.database.seat_map(performance).await.unwrap()
    });
    let seats = map.await.unwrap().seats.len() as u64;
    assert_eq!(seats, tour.season.seats_a_performance());
    let none = tour.call("a seat map of nothing", async |program| {
        let nothing = PerformanceId(Uuid::nil());
        program.database.seat_map(nothing).await.unwrap()
    });
    assert!(none.await.is_none());
    reservations(tour).await;
}

async fn reservations(tour: &mut Tour) {
    let (middle, concert) = (tour.season.middle(), tour.season.concert_of_middle());
    let middle = ReservationId(id_of(&mut tour.raw, Kind::Reservation, middle).await);
    let concert = ConcertId(id_of(&mut tour.raw, Kind::Concert, concert).await);
    for (which, after) in [("first", None), ("next", Some(middle))] {
        let page = PageRequest { after, limit: 20 };
        let what = format!("a regular's {which} page");
        let theirs = tour.call(&what, async |program| {
            program
                .database
                .of_user(&user(REGULAR), page)
                .await
                .unwrap()
        });
        assert_eq!(theirs.await.items.len(), 20);
        let what = format!("a concert's {which} page");
        let sold = tour.call(&what, async |program| {
            program.database.of_concert(concert, page).await.unwrap()
        });
        assert_eq!(sold.await.items.len(), 20);
    }
    let nobody = tour.call("nobody's reservations", async |program| {
        let page = PageRequest {
            after: None,
            limit: 20,
        };
        program
            .database
            .of_user(&user("nobody"), page)
            .await
            .unwrap()
    });
    assert_eq!(nobody.await.items, []);
    for (what, who) in [
        ("somebody's reservation", "nobody"),
        ("a reservation", REGULAR),
    ] {
        tour.call(what, async |program| {
            Reservations::find(&program.database, middle, &user(who))
                .await
                .unwrap()
        })
        .await;
    }
}

pub(super) async fn points(tour: &mut Tour) {
    for who in ["nobody", REGULAR] {
        tour.call(&format!("the balance of {who}"), async |program| {
            program.database.balance(&user(who)).await.unwrap()
        })
        .await;
    }
    for who in ["new", REGULAR] {
        let charge = tour.program.charge_of(who, 10_000);
        let what = format!("a charge of {who}");
        for (what, replay) in [(what.clone(), false), (format!("{what} again"), true)] {
            let charged = tour.call(&what, async |program| {
                program.database.charge(&charge).await.unwrap()
            });
            let charged = charged.await;
            let expected =
                matches!(&charged, ChargeOutcome::Charged(one) if one.replayed == replay);
            assert!(expected, "{what}: {charged:?}");
        }
        let found = tour.call("what a key stands for", async |program| {
            Idempotency::find(&program.database, &charge.keyed)
                .await
                .unwrap()
        });
        assert!(matches!(found.await, KeyUse::Replayed(_)));
        let mut other = tour.program.charge_of(who, 5);
        other.keyed.key = charge.keyed.key.clone();
        let reused = tour.call("a key used again", async |program| {
            program.database.charge(&other).await.unwrap()
        });
        assert_eq!(reused.await, ChargeOutcome::KeyReused);
    }
    let too_much = tour.program.charge_of(REGULAR, Amount::MAX.minor_units());
    let refused = tour.call("a charge of too much", async |program| {
        program.database.charge(&too_much).await.unwrap()
    });
    assert_eq!(refused.await, ChargeOutcome::TooMuch);
}

pub(super) async fn holds(tour: &mut Tour) {
    let hold = async |tour: &mut Tour, what: &str, request| {
        tour.call(what, async |program| {
            program.database.hold(&request).await.unwrap()
        })
        .await
    };
    let refused = async |tour: &mut Tour, what: &str, request| match hold(tour, what, request).await
    {
        HoldOutcome::Refused(refusal) => refusal,
        other => panic!("{what}: {other:?}"),
    };
    let own = tour
        .program
        .request("ann", &["R1-8", "R1-9", "R1-10", "R2-8"]);
    let held = hold(tour, "a hold of four", own.clone()).await;
    assert!(matches!(held, HoldOutcome::Held(_)), "{held:?}");
    let again = hold(tour, "the very same hold", own).await;
    assert!(matches!(again, HoldOutcome::AlreadyHeld(_)), "{again:?}");
    let other = tour.program.request("ann", &["R3-8"]);
    let refusal = refused(tour, "a hold beside another", other).await;
    assert!(matches!(refusal, HoldRefusal::OtherHold(_)), "{refusal:?}");
    let taken = tour
        .program
        .request("ben", &["R1-1", "R1-6", "R1-8", "R1-7"]);
    let refusal = refused(tour, "a hold of taken seats", taken).await;
    assert!(
        matches!(&refusal, HoldRefusal::SeatsTaken(three) if three.len() == 3),
        "{refusal:?}"
    );
    let unknown = tour.program.request("ben", &["R1-8", "Z-1", "Z-2"]);
    let refusal = refused(tour, "a hold of no seats", unknown).await;
    assert!(
        matches!(refusal, HoldRefusal::NoSuchSeats(_)),
        "{refusal:?}"
    );
    let mut nowhere = tour.program.request("ben", &["R1-8"]);
    nowhere.performance = PerformanceId(Uuid::nil());
    let refusal = refused(tour, "a hold of nothing", nowhere).await;
    assert_eq!(refusal, HoldRefusal::NoSuchPerformance);
    let mut astray = tour.program.request("ben", &["R1-8"]);
    astray.performance = tour.elsewhere.1;
    let refusal = refused(tour, "a hold in another concert", astray).await;
    assert_eq!(refusal, HoldRefusal::OtherConcert);
    let late = tour.request_at(tour.past, "ben", &["R1-8"]);
    let refusal = refused(tour, "a hold too late", late).await;
    assert_eq!(refusal, HoldRefusal::Started);

    // Seat 7 of the first row of each hundred was held until yesterday, and nobody has swept since.
    let over = tour.program.request("ben", &["R0-7", "R0-8"]);
    let held = hold(tour, "a hold of a seat whose hold is over", over).await;
    assert!(matches!(held, HoldOutcome::Held(_)), "{held:?}");
    let regular = tour.program.request(REGULAR, &["R3-9"]);
    let held = hold(tour, "a regular's hold", regular).await;
    assert!(matches!(held, HoldOutcome::Held(_)), "{held:?}");
    tour.program
        .offset
        .shift(SignedDuration::try_from(HOLD).unwrap());
    let anew = tour.program.request("ann", &["R1-8", "R4-8"]);
    let held = hold(tour, "a hold after one's own", anew).await;
    assert!(matches!(held, HoldOutcome::Held(_)), "{held:?}");
}

pub(super) async fn payments(tour: &mut Tour) {
    let pay = async |tour: &mut Tour, what: &str, payment: &PaymentRequest| {
        tour.call(what, async |program| {
            program.database.pay(payment).await.unwrap()
        })
        .await
    };
    let labels = ["R5-8", "R5-9", "R5-10", "R6-8"];
    let held = tour.program.held("cat", &labels).await;
    let payment = tour.program.payment_of(&held);
    let short = pay(tour, "a payment of somebody without points", &payment).await;
    assert!(
        matches!(short, PayOutcome::NotEnoughPoints { .. }),
        "{short:?}"
    );
    tour.program.charge("cat", 399).await;
    let short = pay(tour, "a payment of somebody short of points", &payment).await;
    assert!(
        matches!(short, PayOutcome::NotEnoughPoints { .. }),
        "{short:?}"
    );
    tour.program.charge("cat", 10_000).await;
    for (what, replay) in [("a payment", false), ("a payment again", true)] {
        let paid = pay(tour, what, &payment).await;
        assert!(
            matches!(&paid, PayOutcome::Paid(one) if one.replayed == replay),
            "{paid:?}"
        );
    }
    let twice = tour.program.payment_of(&held);
    let refused = pay(tour, "a payment of what is paid", &twice).await;
    assert!(matches!(refused, PayOutcome::NotHeld(_)), "{refused:?}");
    let mut reused = tour.program.payment_of(&held);
    reused.keyed = Keyed::payment(
        &reused.user,
        ReservationId(Uuid::nil()),
        payment.keyed.key.clone(),
    );
    let refused = pay(tour, "a payment with a used key", &reused).await;
    assert_eq!(refused, PayOutcome::KeyReused);
    let mut nothing = tour.program.payment_of(&held);
    nothing.reservation = ReservationId(Uuid::nil());
    assert_eq!(
        pay(tour, "a payment of nothing", &nothing).await,
        PayOutcome::NotFound
    );
    let mut astray = tour.program.payment_of(&held);
    astray.concert = tour.elsewhere.0;
    let refused = pay(tour, "a payment in another concert", &astray).await;
    assert_eq!(refused, PayOutcome::OtherConcert);

    let fifth = tour.program.request("cat", &["R7-8"]);
    let refused = tour.call("a fifth seat", async |program| {
        program.database.hold(&fifth).await.unwrap()
    });
    assert_eq!(
        refused.await,
        HoldOutcome::Refused(HoldRefusal::SeatLimit { live: 4 })
    );
    releases(tour, held.id).await;
}

async fn releases(tour: &mut Tour, paid: ReservationId) {
    let given = tour.program.held("dan", &["R7-8", "R7-9", "R7-10"]).await;
    let over = tour.program.held("eva", &["R8-8"]).await;
    let release = async |tour: &mut Tour, what: &str, id, who| {
        tour.call(what, async |program| {
            program.database.release(id, &user(who)).await.unwrap()
        })
        .await
    };
    for what in ["a release", "a release again"] {
        let released = release(tour, what, given.id, "dan").await;
        assert_eq!(released, ReleaseOutcome::Released);
    }
    let refused = release(tour, "a release of somebody's", given.id, "eva").await;
    assert_eq!(refused, ReleaseOutcome::NotFound);
    let refused = release(tour, "a release of what is paid", paid, "cat").await;
    assert_eq!(refused, ReleaseOutcome::Confirmed);
    tour.program
        .offset
        .shift(SignedDuration::try_from(HOLD).unwrap());
    let refused = release(tour, "a release too late", over.id, "eva").await;
    assert_eq!(refused, ReleaseOutcome::Expired);
}
