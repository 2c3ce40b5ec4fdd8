use uuid::Uuid;

use super::*;
use crate::model::{
    ConcertId, UserId,
    queue::{
        Arrival, DepartureCursor, Departures, Generation, PolicyState, PolicyVersion, QueueView,
        SaleState, Ticket,
    },
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn view() -> QueueView {
    QueueView {
        state: PolicyState::Open,
        opens_at: None,
        recovering: false,
        sale: SaleState::OnSale,
    }
}

fn waiting(position: u64, admitted: u64) -> Place {
    Place {
        ticket: Ticket {
            concert: ConcertId(Uuid::nil()),
            user: UserId::try_from("ann").unwrap(),
            arrival: Arrival::from_micros(100),
            generation: Generation(1),
        },
        standing: Standing::Waiting {
            position,
            behind: 3,
            admitted,
        },
        queue: view(),
    }
}

fn active(until: i64) -> Place {
    Place {
        standing: Standing::Active {
            admitted_at: at(90),
            until: at(until),
            claimed: false,
        },
        ..waiting(1, 0)
    }
}

/// Returns a line in which heartbeats are due every 15 s near the head, and every 30 s elsewhere.
fn line(admitted: u64) -> LineSnapshot {
    LineSnapshot {
        generation: Generation(1),
        policy_version: PolicyVersion(1),
        waiting_ttl: Duration::from_mins(5),
        absence: Some(Duration::from_secs(45)),
        near_positions: 10,
        queue: view(),
        reentry_until: None,
        waiting: 50,
        admitted,
        admitted_up_to: Some(Arrival::from_micros(99)),
        mark: DepartureCursor {
            generation: Generation(1),
            number: 0,
        },
        left: Departures::These(Vec::new()),
    }
}

fn passing(admitted: u64) -> LineSnapshot {
    LineSnapshot {
        admitted_up_to: Some(Arrival::from_micros(100)),
        ..line(admitted)
    }
}

fn position(followed: &FollowedPlace) -> u64 {
    match followed.place().standing {
        Standing::Waiting { position, .. } => position,
        Standing::Active { .. } => panic!("the place waits"),
    }
}

#[test]
fn snapshots_move_a_place_forward_and_never_back() {
    let mut followed = FollowedPlace::new(waiting(20, 40), at(100));
    for (admitted, expected) in [(40, 20), (45, 15), (43, 15), (59, 1), (70, 1)] {
        let advice = followed.see(&line(admitted), at(101), false);
        assert_eq!((advice, position(&followed)), (PeekAdvice::Known, expected));
    }
    let Standing::Waiting { behind, .. } = followed.place().standing else {
        panic!("the place waits");
    };
    assert_eq!(behind, 49);
}

#[test]
fn the_state_of_the_queue_is_read_from_the_newest_snapshot() {
    let mut followed = FollowedPlace::new(waiting(20, 40), at(100));
    let mut paused = line(40);
    paused.queue.state = PolicyState::Paused;
    followed.see(&paused, at(102), false);
    assert_eq!(followed.place().queue.state, PolicyState::Paused);
    assert_eq!(followed.as_of(), at(102));
    followed.see(&line(40), at(101), false);
    assert_eq!(followed.as_of(), at(102), "instants never go back");
}

#[test]
fn peeks_at_a_waiting_place_are_as_frequent_as_heartbeats() {
    for (start, after, expected) in [
        (5, 14, PeekAdvice::Known),
        (5, 15, PeekAdvice::Peek),
        (11, 29, PeekAdvice::Known),
        (11, 30, PeekAdvice::Peek),
    ] {
        let mut followed = FollowedPlace::new(waiting(start, 40), at(100));
        let advice = followed.see(&line(40), at(100 + after), false);
        assert_eq!(advice, expected, "position {start} after {after} s");
    }
    // The clock stepped back by a minute.
    let mut followed = FollowedPlace::new(waiting(5, 40), at(100));
    assert_eq!(followed.see(&line(40), at(40), false), PeekAdvice::Peek);
}

#[test]
fn a_place_that_admission_has_passed_needs_a_peek_at_once_and_then_each_second() {
    let mut followed = FollowedPlace::new(waiting(5, 40), at(100));
    assert_eq!(
        followed.see(&passing(45), at(100), false),
        PeekAdvice::PeekNow
    );
    // The user stands aside.
    followed.confirm(waiting(7, 45), at(100));
    assert_eq!(position(&followed), 7, "the position of the store counts");
    assert_eq!(
        followed.see(&passing(46), at(100), false),
        PeekAdvice::Known
    );
    assert_eq!(
        followed.see(&passing(46), at(101), false),
        PeekAdvice::PeekNow
    );
    followed.confirm(active(220), at(101));
    assert_eq!(
        followed.see(&passing(47), at(102), false),
        PeekAdvice::Known
    );
}

#[test]
fn an_active_place_needs_a_peek_every_five_seconds_and_at_its_deadline() {
    let mut followed = FollowedPlace::new(active(200), at(100));
    assert_eq!(
        followed.see(&passing(45), at(104), false),
        PeekAdvice::Known
    );
    assert_eq!(followed.see(&passing(45), at(105), false), PeekAdvice::Peek);
    followed.confirm(active(200), at(199));
    assert_eq!(
        followed.see(&passing(45), at(199), false),
        PeekAdvice::Known
    );
    assert_eq!(
        followed.see(&passing(45), at(200), false),
        PeekAdvice::PeekNow
    );
}

#[test]
fn the_place_of_a_user_who_may_have_left_needs_a_peek_at_once() {
    let mut followed = FollowedPlace::new(waiting(5, 40), at(100));
    assert_eq!(followed.see(&line(40), at(100), true), PeekAdvice::PeekNow);
}

#[test]
fn of_two_ordinals_the_smaller_one_counts() {
    let mut followed = FollowedPlace::new(waiting(20, 40), at(100));
    // Two users ahead have left.
    followed.confirm(waiting(16, 42), at(101));
    assert_eq!(position(&followed), 16);
    // This answer still counts users who have left.
    followed.confirm(waiting(18, 43), at(102));
    assert_eq!(position(&followed), 15);
    // This answer is from before the last snapshot.
    followed.see(&line(50), at(103), false);
    followed.confirm(waiting(13, 45), at(103));
    assert_eq!(position(&followed), 8);
    assert_eq!(followed.confirmed_at(), at(103));
}

#[test]
fn while_users_reenter_ahead_the_position_comes_from_the_store() {
    let reentry = LineSnapshot {
        reentry_until: Some(at(400)),
        ..line(40)
    };
    let mut followed = FollowedPlace::new(waiting(5, 40), at(100));
    assert_eq!(followed.see(&reentry, at(104), false), PeekAdvice::Known);
    assert_eq!(followed.see(&reentry, at(105), false), PeekAdvice::Peek);
    followed.confirm(waiting(9, 40), at(105));
    assert_eq!(position(&followed), 9);
}

#[test]
fn after_a_loss_only_the_client_can_reenter() {
    let lost = LineSnapshot {
        generation: Generation(2),
        ..line(0)
    };
    let mut followed = FollowedPlace::new(waiting(5, 40), at(100));
    assert_eq!(followed.see(&lost, at(100), false), PeekAdvice::Lost);
}
