//! Behaviour at exact instants, which the contracts cannot test because their clocks run.

use std::time::Duration;

use frontrow_domain::{
    model::{HoldRefusal, ReservationState, SeatState},
    ports::{Concerts, HoldOutcome, PayOutcome, ReleaseOutcome, Reservations},
};

use crate::program::{HOLD, Program, noon, user, year_later};

const MICROSECOND: Duration = Duration::from_micros(1);

async fn seat_state(program: &Program) -> SeatState {
    let map = program
        .database
        .seat_map(program.performance)
        .await
        .unwrap();
    map.unwrap().seats.first().unwrap().state
}

async fn seats_left(program: &Program) -> u64 {
    let all = program
        .database
        .performances(program.concert)
        .await
        .unwrap();
    all.first().unwrap().seats_left
}

#[tokio::test]
async fn a_hold_is_live_until_one_microsecond_before_its_deadline() {
    let program = Program::start().await;
    let held = program.held("ann", &["A-1"]).await;
    let until = noon() + HOLD;
    assert_eq!(held.state, ReservationState::Held { until });
    program.clock.set(until - MICROSECOND);
    let found = program.database.find(held.id, &user("ann")).await.unwrap();
    assert_eq!(found.as_ref(), Some(&held));
    assert_eq!(seat_state(&program).await, SeatState::Held);
    assert_eq!(seats_left(&program).await, 8);
    assert_eq!(program.database.sweep(10).await.unwrap(), 0);
    let refused = program.hold("ben", &["A-1"]).await;
    assert!(matches!(
        refused,
        HoldOutcome::Refused(HoldRefusal::SeatsTaken(_))
    ));
    let again = program.hold("ann", &["A-1"]).await;
    assert_eq!(again, HoldOutcome::AlreadyHeld(held.clone()));
    program.charge("ann", 100).await;
    let paid = program.pay(&held).await;
    assert!(matches!(paid, PayOutcome::Paid(_)), "{paid:?}");
}

#[tokio::test]
async fn a_hold_is_expired_at_its_deadline() {
    let program = Program::start().await;
    let held = program.held("ann", &["A-1"]).await;
    program.charge("ann", 100).await;
    program.clock.set(noon() + HOLD);
    let found = program.database.find(held.id, &user("ann")).await.unwrap();
    assert_eq!(found.unwrap().state, ReservationState::Expired);
    assert_eq!(seat_state(&program).await, SeatState::Available);
    assert_eq!(seats_left(&program).await, 9);
    let refused = PayOutcome::NotHeld(ReservationState::Expired);
    assert_eq!(program.pay(&held).await, refused);
    let released = program.database.release(held.id, &user("ann")).await;
    assert_eq!(released.unwrap(), ReleaseOutcome::Expired);
}

#[tokio::test]
async fn the_seats_of_a_hold_can_be_held_again_at_its_deadline() {
    let program = Program::start().await;
    program.held("ann", &["A-1"]).await;
    program.clock.set(noon() + HOLD);
    program.held("ben", &["A-1"]).await;
}

#[tokio::test]
async fn a_hold_is_swept_at_its_deadline() {
    let program = Program::start().await;
    program.held("ann", &["A-1"]).await;
    program.clock.set(noon() + HOLD);
    assert_eq!(program.database.sweep(10).await.unwrap(), 1);
}

#[tokio::test]
async fn a_performance_sells_until_one_microsecond_before_it_starts() {
    let program = Program::start().await;
    program.clock.set(year_later());
    let refused = program.hold("ann", &["A-1"]).await;
    assert_eq!(refused, HoldOutcome::Refused(HoldRefusal::Started));
    program.clock.set(year_later() - MICROSECOND);
    program.held("ann", &["A-1"]).await;
}

#[tokio::test]
async fn instants_are_truncated_to_microseconds() {
    struct Fine;

    impl frontrow_domain::ports::Clock for Fine {
        fn now(&self) -> jiff::Timestamp {
            noon() + Duration::from_nanos(1_999)
        }
    }

    let program = Program::start().await;
    let fine = std::sync::Arc::new(Fine);
    let database = frontrow_adapter_embedded::SqliteDatabase::open(&program.file(), fine)
        .await
        .unwrap();
    let outcome = database
        .hold(&program.request("ann", &["A-1"]))
        .await
        .unwrap();
    let HoldOutcome::Held(held) = outcome else {
        panic!("should be held: {outcome:?}");
    };
    let until = noon() + MICROSECOND + HOLD;
    assert_eq!(held.state, ReservationState::Held { until });
    let found = database.find(held.id, &user("ann")).await.unwrap();
    assert_eq!(found, Some(held));
}
