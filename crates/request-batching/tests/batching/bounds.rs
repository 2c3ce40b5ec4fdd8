use frontrow_request_batching::{Limits, Overload};

use crate::support::{Room, refused, settle, wide};

fn four_pending() -> Limits {
    Limits {
        pending_max: 4,
        ..wide()
    }
}

#[tokio::test]
async fn no_more_are_pending_than_may_be_over_all_keys() {
    let mut room = Room::new(four_pending());
    let _first = room.ask_all("a", 1..=1).await;
    let _second = room.ask_all("b", 2..=2).await;
    let (a, _b) = (room.call().await, room.call().await);
    let _waiting = (
        room.ask_all("a", 3..=4).await,
        room.ask_all("b", 5..=6).await,
    );
    let beyond = room.ask("c", 7).await;
    assert_eq!(beyond.answer().await, refused(Overload::Total));
    assert_eq!(
        room.batcher.stats().keys,
        2,
        "a refused key leaves no entry"
    );
    a.answer();
    assert_eq!(room.call().await.requests, [3, 4]);
    let _within = room.ask("c", 8).await;
    assert_eq!(room.call().await.requests, [8]);
    assert_eq!(room.batcher.stats().shed.total, 1);
}

/// Requests beyond it stay pending, and the next call to end lets the next one begin.
#[tokio::test]
async fn no_more_calls_are_in_flight_than_may_be() {
    let mut room = Room::new(Limits {
        calls_max: 2,
        ..wide()
    });
    let _asked = (
        room.ask("a", 1).await,
        room.ask("b", 2).await,
        room.ask("c", 3).await,
        room.ask("d", 4).await,
    );
    let (a, b) = (room.call().await, room.call().await);
    assert_eq!((a.key, b.key), ("a", "b"));
    assert!(room.call_by_now().await.is_none());
    b.answer();
    let c = room.call().await;
    assert_eq!(c.key, "c");
    assert!(room.call_by_now().await.is_none());
    a.answer();
    assert_eq!(room.call().await.key, "d");
    assert_eq!(room.batcher.stats().calls, 2);
}

#[tokio::test]
async fn a_bound_of_nothing_lets_one_pass() {
    let mut room = Room::new(Limits {
        batch_max: 0,
        pending_max: 0,
        pending_per_user_max: 0,
        calls_per_key_max: 0,
        calls_max: 0,
        in_flight: frontrow_request_batching::InFlight::Fixed(0),
        ..wide()
    });
    let asked = room.ask("a", 1).await;
    room.call().await.answer();
    assert_eq!(asked.answer().await, Ok(1));
}

#[tokio::test]
async fn a_closed_batcher_refuses_new_requests_and_serves_the_others() {
    let mut room = Room::new(wide());
    let in_call = room.ask("a", 1).await;
    let call = room.call().await;
    let pending = room.ask("a", 2).await;
    room.batcher.close();
    let new = room.ask("a", 3).await;
    assert_eq!(new.answer().await, refused(Overload::Closed));
    let new = room.ask("b", 4).await;
    assert_eq!(new.answer().await, refused(Overload::Closed));
    call.answer();
    assert_eq!(in_call.answer().await, Ok(1));
    room.call().await.answer();
    assert_eq!(pending.answer().await, Ok(2));
    assert_eq!(room.batcher.stats().shed.closed, 2);
    room.assert_is_idle().await;
}

#[tokio::test]
async fn a_key_leaves_nothing_behind() {
    let mut room = Room::new(wide());
    for key in ["a", "b", "c", "d"] {
        let asked = room.ask(key, 1).await;
        room.call().await.answer();
        asked.answer().await.unwrap();
        settle().await;
        assert_eq!(room.batcher.stats().keys, 0);
    }
}
