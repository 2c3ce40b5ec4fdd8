use frontrow_request_batching::{Limits, Overload, Priority::Normal};

use crate::support::{Room, answers, refused, wide};

#[tokio::test]
async fn requests_of_a_user_are_in_different_calls_in_their_order() {
    let mut room = Room::new(Limits {
        calls_per_key_max: 8,
        batch_max: 2,
        ..wide()
    });
    let mut asked = Vec::new();
    for request in 1..=6 {
        asked.push(room.ask_as("a", 7, Normal, request).await);
    }
    for request in 1..=6 {
        let call = room.call().await;
        assert_eq!(call.requests, [request]);
        assert!(room.call_by_now().await.is_none(), "one at a time");
        call.answer();
    }
    assert_eq!(answers(asked).await, (1..=6).map(Ok).collect::<Vec<_>>());
    room.assert_is_idle().await;
}

#[tokio::test]
async fn a_user_in_a_call_does_not_join_it_again() {
    let mut room = Room::new(wide());
    let _first = room.ask_as("a", 7, Normal, 1).await;
    let mut call = room.call().await;
    let _again = room.ask_as("a", 7, Normal, 2).await;
    let _other = room.ask_as("a", 8, Normal, 3).await;
    assert_eq!(call.board().await, [3]);
    call.answer();
    assert_eq!(room.call().await.requests, [2]);
}

#[tokio::test]
async fn a_user_may_be_at_two_keys_at_once() {
    let mut room = Room::new(wide());
    let _a = room.ask_as("a", 7, Normal, 1).await;
    let _b = room.ask_as("b", 7, Normal, 2).await;
    assert_eq!(room.call().await.requests, [1]);
    assert_eq!(room.call().await.requests, [2]);
}

#[tokio::test]
async fn a_users_further_request_waits_behind_others() {
    let mut room = Room::new(Limits {
        batch_max: 2,
        ..wide()
    });
    let _one = room.ask_as("a", 7, Normal, 1).await;
    let call = room.call().await;
    let _again = room.ask_as("a", 7, Normal, 2).await;
    let _others = room.ask_all("a", 11..=13).await;
    call.answer();
    let call = room.call().await;
    assert_eq!(call.requests, [11, 12]);
    call.answer();
    assert_eq!(room.call().await.requests, [13, 2]);
}

#[tokio::test]
async fn a_user_who_asks_too_often_takes_no_room_from_others() {
    let limits = Limits {
        pending_max: 200,
        ..wide()
    };
    let mut room = Room::new(limits);
    let _blocker = room.ask("a", 0).await;
    let call = room.call().await;
    let mut asked = Vec::new();
    for request in 1..=1_000 {
        asked.push(room.ask_as("a", 7, Normal, request).await);
    }
    assert_eq!(room.batcher.stats().pending, 100);
    assert_eq!(room.batcher.stats().shed.per_user, 900);
    let last = asked.pop().unwrap();
    assert_eq!(last.answer().await, refused(Overload::PerUser));
    let other = room.ask("a", 8).await;
    call.answer();
    let call = room.call().await;
    assert_eq!(call.requests, [1, 8]);
    call.answer();
    assert_eq!(other.answer().await, Ok(8));
    // One of the user's was served, so there is room for one.
    let _next = room.ask_as("a", 7, Normal, 2_000).await;
    assert_eq!(room.batcher.stats().shed.per_user, 900);
}

#[tokio::test]
async fn where_a_users_first_request_leaves_the_next_takes_its_turn() {
    let mut room = Room::new(wide());
    let _blocker = room.ask("a", 0).await;
    let call = room.call().await;
    let first = room.ask_as("a", 7, Normal, 1).await;
    let second = room.ask_as("a", 7, Normal, 2).await;
    let third = room.ask_as("a", 7, Normal, 3).await;
    drop(second);
    drop(first);
    call.answer();
    let call = room.call().await;
    assert_eq!(call.requests, [3]);
    call.answer();
    assert_eq!(third.answer().await, Ok(3));
    room.assert_is_idle().await;
}
