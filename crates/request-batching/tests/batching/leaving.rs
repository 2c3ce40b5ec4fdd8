use frontrow_request_batching::{Limits, Overload};

use crate::support::{Room, refused, settle, wide};

#[tokio::test]
async fn a_request_whose_caller_left_is_not_executed_and_takes_no_room() {
    let mut room = Room::new(Limits {
        pending_max: 2,
        ..wide()
    });
    let _first = room.ask("a", 1).await;
    let call = room.call().await;
    let leaving = room.ask("a", 2).await;
    let staying = room.ask("a", 3).await;
    let beyond = room.ask("a", 4).await;
    assert_eq!(beyond.answer().await, refused(Overload::Total));
    drop(leaving);
    assert_eq!(room.batcher.stats().pending, 1);
    let _instead = room.ask("a", 5).await;
    call.answer();
    assert_eq!(room.call().await.requests, [3, 5]);
    drop(staying);
}

#[tokio::test]
async fn a_call_is_not_made_for_callers_who_all_left() {
    let mut room = Room::new(wide());
    drop(room.ask("a", 1).await);
    assert!(room.call_by_now().await.is_none());
    room.assert_is_idle().await;
    // The same where another joins the call before it runs.
    let leaving = room.ask("a", 2).await;
    let staying = room.ask("a", 3).await;
    drop(leaving);
    let call = room.call().await;
    assert_eq!(call.requests, [3]);
    call.answer();
    assert_eq!(staying.answer().await, Ok(3));
    room.assert_is_idle().await;
}

#[tokio::test]
async fn a_request_whose_caller_left_its_call_is_executed_all_the_same() {
    let mut room = Room::new(wide());
    let leaving = room.ask("a", 1).await;
    let staying = room.ask("a", 2).await;
    let call = room.call().await;
    drop(leaving);
    settle().await;
    assert_eq!(room.batcher.stats().in_flight, 2);
    call.answer();
    assert_eq!(staying.answer().await, Ok(2));
    room.assert_is_idle().await;
}

#[tokio::test]
async fn a_key_whose_pending_requests_all_left_has_no_further_call() {
    let mut room = Room::new(wide());
    let first = room.ask("a", 1).await;
    let call = room.call().await;
    drop(room.ask_all("a", 2..=9).await);
    call.answer();
    assert_eq!(first.answer().await, Ok(1));
    assert!(room.call_by_now().await.is_none());
    room.assert_is_idle().await;
}
