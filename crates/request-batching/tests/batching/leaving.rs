use frontrow_request_batching::{Limits, Overload};

use crate::support::{Fixture, refused, settle, wide};

#[tokio::test]
async fn a_request_whose_caller_left_is_withdrawn_and_not_executed() {
    let mut fixture = Fixture::new(Limits {
        pending_max: 2,
        ..wide()
    });
    let _first = fixture.submit("a", 1).await;
    let call = fixture.call().await;
    let leaving = fixture.submit("a", 2).await;
    let staying = fixture.submit("a", 3).await;
    let beyond = fixture.submit("a", 4).await;
    assert_eq!(beyond.answer().await, refused(Overload::Total));
    drop(leaving);
    assert_eq!(fixture.batcher.stats().pending, 1);
    let _instead = fixture.submit("a", 5).await;
    call.answer();
    assert_eq!(fixture.call().await.requests, [3, 5]);
    drop(staying);
}

#[tokio::test]
async fn no_call_is_made_if_all_callers_left() {
    let mut fixture = Fixture::new(wide());
    drop(fixture.submit("a", 1).await);
    assert!(fixture.call_if_begun().await.is_none());
    fixture.assert_is_idle().await;
    // The same if another request joins the call before it runs.
    let leaving = fixture.submit("a", 2).await;
    let staying = fixture.submit("a", 3).await;
    drop(leaving);
    let call = fixture.call().await;
    assert_eq!(call.requests, [3]);
    call.answer();
    assert_eq!(staying.answer().await, Ok(3));
    fixture.assert_is_idle().await;
}

#[tokio::test]
async fn a_request_whose_caller_left_during_the_call_is_still_executed() {
    let mut fixture = Fixture::new(wide());
    let leaving = fixture.submit("a", 1).await;
    let staying = fixture.submit("a", 2).await;
    let call = fixture.call().await;
    drop(leaving);
    settle().await;
    assert_eq!(fixture.batcher.stats().in_flight, 2);
    call.answer();
    assert_eq!(staying.answer().await, Ok(2));
    fixture.assert_is_idle().await;
}

#[tokio::test]
async fn a_key_whose_pending_requests_all_left_has_no_further_call() {
    let mut fixture = Fixture::new(wide());
    let first = fixture.submit("a", 1).await;
    let call = fixture.call().await;
    drop(fixture.submit_all("a", 2..=9).await);
    call.answer();
    assert_eq!(first.answer().await, Ok(1));
    assert!(fixture.call_if_begun().await.is_none());
    fixture.assert_is_idle().await;
}
