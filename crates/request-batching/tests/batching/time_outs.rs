use std::time::Duration;

use frontrow_request_batching::{InFlight, Limits, Overload};
use tokio::time::{Instant, advance};

use crate::support::{Room, refused, settle, wide};

#[expect(
    clippy::disallowed_methods,
    reason = "the time of the runtime, which is paused"
)]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_its_call_no_longer_than_the_time_out() {
    let mut room = Room::new(wide());
    let _hanging = room.ask("a", 1).await;
    let _call = room.call().await;
    let asked = room.ask("a", 2).await;
    let before = now();
    assert_eq!(asked.answer().await, refused(Overload::TimedOut));
    let waited = now() - before;
    assert!(waited >= wide().queue_timeout, "{waited:?}");
    assert!(
        waited <= wide().queue_timeout + Duration::from_millis(2),
        "{waited:?}"
    );
    let stats = room.batcher.stats();
    assert_eq!((stats.pending, stats.shed.timed_out), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_time_out_holds_where_another_key_has_all_the_room() {
    let mut room = Room::new(Limits {
        in_flight: InFlight::Fixed(1),
        ..wide()
    });
    let _hanging = room.ask("a", 1).await;
    let _call = room.call().await;
    let asked = room.ask("b", 2).await;
    assert_eq!(asked.answer().await, refused(Overload::TimedOut));
    assert_eq!(room.batcher.stats().keys, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_in_a_call_has_no_time_out() {
    let mut room = Room::new(wide());
    let first = room.ask("a", 1).await;
    let call = room.call().await;
    let second = room.ask("a", 2).await;
    call.answer();
    let call = room.call().await;
    let second = tokio::spawn(second.answer());
    advance(wide().queue_timeout * 10).await;
    settle().await;
    assert!(!second.is_finished());
    call.answer();
    assert_eq!(second.await.unwrap(), Ok(2));
    assert_eq!(first.answer().await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_begin_with_requests_that_waited_for_too_long() {
    let mut room = Room::new(wide());
    let _first = room.ask("a", 1).await;
    let call = room.call().await;
    // Nothing polls these, so that no timer sees to them.
    let late = room.ask_all("a", 2..=20).await;
    advance(wide().queue_timeout).await;
    let in_time = room.ask_all("a", 21..=22).await;
    call.answer();
    let next = room.call().await;
    assert_eq!(next.requests, [21, 22]);
    next.answer();
    for asked in late {
        assert_eq!(asked.answer().await, refused(Overload::TimedOut));
    }
    drop(in_time);
    assert_eq!(room.batcher.stats().shed.timed_out, 19);
    room.assert_is_idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_time_out_beyond_all_time_is_none() {
    let mut room = Room::new(Limits {
        queue_timeout: Duration::MAX,
        ..wide()
    });
    let _first = room.ask("a", 1).await;
    let call = room.call().await;
    let second = tokio::spawn(room.ask("a", 2).await.answer());
    advance(Duration::from_hours(1_000)).await;
    call.answer();
    room.call().await.answer();
    assert_eq!(second.await.unwrap(), Ok(2));
}
