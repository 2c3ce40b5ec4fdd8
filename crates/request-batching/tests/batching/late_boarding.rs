use frontrow_request_batching::{InFlight, Limits, Overload, SubmitError};

use crate::support::{Fixture, answers, refused, wide};

#[tokio::test]
async fn a_call_takes_requests_that_came_since_it_began() {
    let mut fixture = Fixture::new(wide());
    let mut submitted = vec![fixture.submit("a", 1).await];
    let mut call = fixture.call().await;
    assert_eq!(call.board().await, []);
    submitted.extend(fixture.submit_all("a", 2..=3).await);
    assert_eq!(call.board().await, [2, 3]);
    assert_eq!(fixture.batcher.stats().in_flight, 3);
    call.answer();
    assert_eq!(answers(submitted).await, [Ok(1), Ok(2), Ok(3)]);
    fixture.assert_is_idle().await;
}

#[tokio::test]
async fn late_boarding_stops_at_a_full_batch() {
    let mut fixture = Fixture::new(wide());
    let mut submitted = fixture.submit_all("a", 1..=2).await;
    let mut call = fixture.call().await;
    submitted.extend(fixture.submit_all("a", 3..=6).await);
    assert_eq!(call.board().await, [3, 4]);
    assert_eq!(call.board().await, []);
    call.answer();
    let next = fixture.call().await;
    assert_eq!(next.requests, [5, 6]);
    drop((submitted, next));
}

#[tokio::test]
async fn late_boarding_stops_at_the_in_flight_limit() {
    let mut fixture = Fixture::new(Limits {
        in_flight: InFlight::Fixed(3),
        ..wide()
    });
    let mut submitted = vec![fixture.submit("a", 1).await];
    let mut call = fixture.call().await;
    submitted.extend(fixture.submit_all("a", 2..=4).await);
    assert_eq!(call.board().await, [2, 3]);
    assert_eq!(fixture.batcher.stats().in_flight, 3);
    call.answer();
    assert_eq!(fixture.call().await.requests, [4]);
    drop(submitted);
}

#[tokio::test]
async fn requests_that_joined_late_are_lost_if_the_call_panics() {
    let mut fixture = Fixture::new(wide());
    let mut submitted = vec![fixture.submit("a", 1).await];
    let mut call = fixture.call().await;
    submitted.push(fixture.submit("a", 2).await);
    assert_eq!(call.board().await, [2]);
    submitted.push(fixture.submit("a", 3).await);
    call.panic();
    fixture.call().await.answer();
    let lost = Err(SubmitError::Lost);
    assert_eq!(answers(submitted).await, [lost.clone(), lost, Ok(3)]);
}

#[tokio::test(start_paused = true)]
async fn late_boarding_refuses_requests_past_the_queue_time_out() {
    let mut fixture = Fixture::new(wide());
    let _first = fixture.submit("a", 1).await;
    let mut call = fixture.call().await;
    let late = fixture.submit("a", 2).await;
    tokio::time::advance(wide().queue_timeout).await;
    let _in_time = fixture.submit("a", 3).await;
    assert_eq!(call.board().await, [3]);
    assert_eq!(late.answer().await, refused(Overload::TimedOut));
}

#[tokio::test]
async fn a_batch_that_outlives_its_call_takes_no_request() {
    let mut fixture = Fixture::new(wide());
    let _first = fixture.submit("a", 1).await;
    let call = fixture.call().await;
    let mut batch = call.hand_over_batch().await;
    let second = fixture.submit("a", 2).await;
    call.answer();
    let next = fixture.call().await;
    let third = fixture.submit("a", 3).await;
    assert_eq!(batch.board(), 0);
    assert_eq!(batch.take(), [1]);
    next.answer();
    fixture.call().await.answer();
    assert_eq!(answers(vec![second, third]).await, [Ok(2), Ok(3)]);
}
