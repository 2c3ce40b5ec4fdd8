use frontrow_request_batching::{InFlight, Limits, SubmitError};

use crate::support::{Room, answers, wide};

#[tokio::test]
async fn a_request_alone_waits_for_no_other() {
    let mut room = Room::new(wide());
    let asked = room.ask("a", 1).await;
    let call = room.call().await;
    assert_eq!((call.key, &*call.requests), ("a", &[1][..]));
    call.answer();
    assert_eq!(asked.answer().await, Ok(1));
    room.assert_is_idle().await;
}

#[tokio::test]
async fn requests_that_come_before_a_call_runs_are_in_it() {
    let mut room = Room::new(wide());
    let asked = room.ask_all("a", 1..=3).await;
    let call = room.call().await;
    assert_eq!(call.requests, [1, 2, 3]);
    call.answer();
    assert_eq!(answers(asked).await, [Ok(1), Ok(2), Ok(3)]);
}

#[tokio::test]
async fn requests_that_come_during_a_call_share_the_next() {
    let mut room = Room::new(wide());
    let mut asked = vec![room.ask("a", 1).await];
    let first = room.call().await;
    asked.extend(room.ask_all("a", 2..=7).await);
    assert!(room.call_by_now().await.is_none());
    first.answer();
    let second = room.call().await;
    assert_eq!(second.requests, [2, 3, 4, 5]);
    assert!(room.call_by_now().await.is_none());
    second.answer();
    let third = room.call().await;
    assert_eq!(third.requests, [6, 7]);
    third.answer();
    let expected: Vec<_> = (1..=7).map(Ok).collect();
    assert_eq!(answers(asked).await, expected);
    room.assert_is_idle().await;
}

#[tokio::test]
async fn keys_share_nothing() {
    let mut room = Room::new(wide());
    let a = room.ask("a", 1).await;
    let b = room.ask("b", 2).await;
    let (first, second) = (room.call().await, room.call().await);
    assert_eq!((first.key, second.key), ("a", "b"));
    second.answer();
    assert_eq!(b.answer().await, Ok(2));
    first.answer();
    assert_eq!(a.answer().await, Ok(1));
}

#[tokio::test]
async fn all_requests_of_a_call_get_its_error_and_no_other() {
    let mut room = Room::new(wide());
    let asked = room.ask_all("a", 1..=2).await;
    let call = room.call().await;
    let later = room.ask("a", 3).await;
    call.end(Err("no"));
    let failed = Err(SubmitError::Failed("no"));
    assert_eq!(answers(asked).await, [failed.clone(), failed]);
    room.call().await.answer();
    assert_eq!(later.answer().await, Ok(3));
}

#[tokio::test]
async fn a_request_without_a_response_is_lost() {
    let mut room = Room::new(wide());
    let asked = room.ask_all("a", 1..=3).await;
    room.call().await.end(Ok(vec![1, 2]));
    let lost = Err(SubmitError::Lost);
    assert_eq!(answers(asked).await, [Ok(1), Ok(2), lost]);
    room.assert_is_idle().await;
}

fn three_calls() -> Limits {
    Limits {
        calls_per_key_max: 3,
        ..wide()
    }
}

#[tokio::test]
async fn a_further_call_begins_for_each_full_batch() {
    let mut room = Room::new(three_calls());
    let mut asked = vec![room.ask("a", 1).await];
    let first = room.call().await;
    asked.extend(room.ask_all("a", 2..=4).await);
    assert!(room.call_by_now().await.is_none(), "three are no batch");
    asked.extend(room.ask_all("a", 5..=6).await);
    let second = room.call().await;
    assert_eq!(second.requests, [2, 3, 4, 5]);
    asked.extend(room.ask_all("a", 7..=9).await);
    let third = room.call().await;
    assert_eq!(third.requests, [6, 7, 8, 9]);
    asked.extend(room.ask_all("a", 10..=20).await);
    assert!(room.call_by_now().await.is_none(), "three calls are all");
    third.answer();
    let fourth = room.call().await;
    assert_eq!(fourth.requests, [10, 11, 12, 13]);
    drop((first, second, fourth));
}

#[tokio::test]
async fn a_call_that_has_not_run_yet_is_no_reason_for_a_further_one() {
    let mut room = Room::new(three_calls());
    // 1 begins the call, and 2 to 4 are in it when it runs.
    let asked = room.ask_all("a", 1..=4).await;
    let call = room.call().await;
    assert_eq!(call.requests, [1, 2, 3, 4]);
    assert!(room.call_by_now().await.is_none());
    drop((asked, call));
}

#[tokio::test]
async fn keys_with_full_batches_take_turns() {
    let mut room = Room::new(Limits {
        calls_per_key_max: 4,
        in_flight: InFlight::Fixed(10),
        ..wide()
    });
    let _asked = [room.ask("a", 1).await, room.ask("b", 101).await];
    let _first = [room.call().await, room.call().await];
    let _a = room.ask_all("a", 2..=30).await;
    let full = [room.call().await, room.call().await];
    let _b = room.ask_all("b", 102..=130).await;
    let mut keys = Vec::new();
    for call in full {
        call.answer();
        keys.push(room.call().await.key);
    }
    assert_eq!(keys, ["a", "b"]);
}
