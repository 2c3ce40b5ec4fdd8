use std::time::Duration;

use frontrow_request_batching::{InFlight, Limits, Overload};
use tokio::time::{Instant, advance};

use crate::support::{Fixture, refused, settle, wide};

#[expect(
    clippy::disallowed_methods,
    reason = "the time of the runtime, which is paused"
)]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_its_call_no_longer_than_the_time_out() {
    let mut fixture = Fixture::new(wide());
    let _hanging = fixture.submit("a", 1).await;
    let _call = fixture.call().await;
    let submitted = fixture.submit("a", 2).await;
    let before = now();
    assert_eq!(submitted.answer().await, refused(Overload::TimedOut));
    let waited = now() - before;
    assert!(waited >= wide().queue_timeout, "{waited:?}");
    assert!(
        waited <= wide().queue_timeout + Duration::from_millis(2),
        "{waited:?}"
    );
    let stats = fixture.batcher.stats();
    assert_eq!((stats.pending, stats.shed.timed_out), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_time_out_holds_while_another_key_uses_all_capacity() {
    let mut fixture = Fixture::new(Limits {
        in_flight: InFlight::Fixed(1),
        ..wide()
    });
    let _hanging = fixture.submit("a", 1).await;
    let _call = fixture.call().await;
    let submitted = fixture.submit("b", 2).await;
    assert_eq!(submitted.answer().await, refused(Overload::TimedOut));
    assert_eq!(fixture.batcher.stats().keys, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_in_a_call_has_no_time_out() {
    let mut fixture = Fixture::new(wide());
    let first = fixture.submit("a", 1).await;
    let call = fixture.call().await;
    let second = fixture.submit("a", 2).await;
    call.answer();
    let call = fixture.call().await;
    let second = tokio::spawn(second.answer());
    advance(wide().queue_timeout * 10).await;
    settle().await;
    assert!(!second.is_finished());
    call.answer();
    assert_eq!(second.await.unwrap(), Ok(2));
    assert_eq!(first.answer().await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_begin_with_requests_past_their_time_out() {
    let mut fixture = Fixture::new(wide());
    let _first = fixture.submit("a", 1).await;
    let call = fixture.call().await;
    // No task polls these, so no timer removes them.
    let late = fixture.submit_all("a", 2..=20).await;
    advance(wide().queue_timeout).await;
    let in_time = fixture.submit_all("a", 21..=22).await;
    call.answer();
    let next = fixture.call().await;
    assert_eq!(next.requests, [21, 22]);
    next.answer();
    for submitted in late {
        assert_eq!(submitted.answer().await, refused(Overload::TimedOut));
    }
    drop(in_time);
    assert_eq!(fixture.batcher.stats().shed.timed_out, 19);
    fixture.assert_is_idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_time_out_beyond_the_range_of_instants_never_expires() {
    let mut fixture = Fixture::new(Limits {
        queue_timeout: Duration::MAX,
        ..wide()
    });
    let _first = fixture.submit("a", 1).await;
    let call = fixture.call().await;
    let second = tokio::spawn(fixture.submit("a", 2).await.answer());
    advance(Duration::from_hours(1_000)).await;
    call.answer();
    fixture.call().await.answer();
    assert_eq!(second.await.unwrap(), Ok(2));
}
