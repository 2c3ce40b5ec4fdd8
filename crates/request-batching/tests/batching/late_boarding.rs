use frontrow_request_batching::{InFlight, Limits, Overload, SubmitError};

use crate::support::{Room, answers, refused, wide};

#[tokio::test]
async fn a_call_takes_what_came_since_it_began() {
    let mut room = Room::new(wide());
    let mut asked = vec![room.ask("a", 1).await];
    let mut call = room.call().await;
    assert_eq!(call.board().await, []);
    asked.extend(room.ask_all("a", 2..=3).await);
    assert_eq!(call.board().await, [2, 3]);
    assert_eq!(room.batcher.stats().in_flight, 3);
    call.answer();
    assert_eq!(answers(asked).await, [Ok(1), Ok(2), Ok(3)]);
    room.assert_is_idle().await;
}

#[tokio::test]
async fn it_takes_no_more_than_a_batch() {
    let mut room = Room::new(wide());
    let mut asked = room.ask_all("a", 1..=2).await;
    let mut call = room.call().await;
    asked.extend(room.ask_all("a", 3..=6).await);
    assert_eq!(call.board().await, [3, 4]);
    assert_eq!(call.board().await, []);
    call.answer();
    let next = room.call().await;
    assert_eq!(next.requests, [5, 6]);
    drop((asked, next));
}

#[tokio::test]
async fn it_takes_no_more_than_may_be_in_flight() {
    let mut room = Room::new(Limits {
        in_flight: InFlight::Fixed(3),
        ..wide()
    });
    let mut asked = vec![room.ask("a", 1).await];
    let mut call = room.call().await;
    asked.extend(room.ask_all("a", 2..=4).await);
    assert_eq!(call.board().await, [2, 3]);
    assert_eq!(room.batcher.stats().in_flight, 3);
    call.answer();
    assert_eq!(room.call().await.requests, [4]);
    drop(asked);
}

#[tokio::test]
async fn those_who_joined_late_share_its_end() {
    let mut room = Room::new(wide());
    let mut asked = vec![room.ask("a", 1).await];
    let mut call = room.call().await;
    asked.push(room.ask("a", 2).await);
    assert_eq!(call.board().await, [2]);
    asked.push(room.ask("a", 3).await);
    call.panic();
    room.call().await.answer();
    let lost = Err(SubmitError::Lost);
    assert_eq!(answers(asked).await, [lost.clone(), lost, Ok(3)]);
}

#[tokio::test(start_paused = true)]
async fn it_takes_nothing_that_waited_for_too_long() {
    let mut room = Room::new(wide());
    let _first = room.ask("a", 1).await;
    let mut call = room.call().await;
    let late = room.ask("a", 2).await;
    tokio::time::advance(wide().queue_timeout).await;
    let _in_time = room.ask("a", 3).await;
    assert_eq!(call.board().await, [3]);
    assert_eq!(late.answer().await, refused(Overload::TimedOut));
}

#[tokio::test]
async fn a_batch_that_outlives_its_call_takes_nothing() {
    let mut room = Room::new(wide());
    let _first = room.ask("a", 1).await;
    let call = room.call().await;
    let mut batch = call.hand_over_batch().await;
    let second = room.ask("a", 2).await;
    call.answer();
    let next = room.call().await;
    let third = room.ask("a", 3).await;
    assert_eq!(batch.board(), 0);
    assert_eq!(batch.take(), [1]);
    next.answer();
    room.call().await.answer();
    assert_eq!(answers(vec![second, third]).await, [Ok(2), Ok(3)]);
}
