use frontrow_request_batching::{InFlight, Limits, SubmitError};

use crate::support::{Fixture, answers, wide};

#[tokio::test]
async fn a_request_alone_waits_for_no_other() {
    let mut fixture = Fixture::new(wide());
    let submitted = fixture.submit("a", 1).await;
    let call = fixture.call().await;
    assert_eq!((call.key, &*call.requests), ("a", &[1][..]));
    call.answer();
    assert_eq!(submitted.answer().await, Ok(1));
    fixture.assert_is_idle().await;
}

#[tokio::test]
async fn requests_that_come_before_a_call_runs_are_in_it() {
    let mut fixture = Fixture::new(wide());
    let submitted = fixture.submit_all("a", 1..=3).await;
    let call = fixture.call().await;
    assert_eq!(call.requests, [1, 2, 3]);
    call.answer();
    assert_eq!(answers(submitted).await, [Ok(1), Ok(2), Ok(3)]);
}

#[tokio::test]
async fn requests_that_come_during_a_call_share_the_next() {
    let mut fixture = Fixture::new(wide());
    let mut submitted = vec![fixture.submit("a", 1).await];
    let first = fixture.call().await;
    submitted.extend(fixture.submit_all("a", 2..=7).await);
    assert!(fixture.call_if_begun().await.is_none());
    first.answer();
    let second = fixture.call().await;
    assert_eq!(second.requests, [2, 3, 4, 5]);
    assert!(fixture.call_if_begun().await.is_none());
    second.answer();
    let third = fixture.call().await;
    assert_eq!(third.requests, [6, 7]);
    third.answer();
    let expected: Vec<_> = (1..=7).map(Ok).collect();
    assert_eq!(answers(submitted).await, expected);
    fixture.assert_is_idle().await;
}

#[tokio::test]
async fn keys_have_separate_calls() {
    let mut fixture = Fixture::new(wide());
    let a = fixture.submit("a", 1).await;
    let b = fixture.submit("b", 2).await;
    let (first, second) = (fixture.call().await, fixture.call().await);
    assert_eq!((first.key, second.key), ("a", "b"));
    second.answer();
    assert_eq!(b.answer().await, Ok(2));
    first.answer();
    assert_eq!(a.answer().await, Ok(1));
}

#[tokio::test]
async fn all_requests_of_a_call_get_its_error_and_no_other() {
    let mut fixture = Fixture::new(wide());
    let submitted = fixture.submit_all("a", 1..=2).await;
    let call = fixture.call().await;
    let later = fixture.submit("a", 3).await;
    call.end(Err("no"));
    let failed = Err(SubmitError::Failed("no"));
    assert_eq!(answers(submitted).await, [failed.clone(), failed]);
    fixture.call().await.answer();
    assert_eq!(later.answer().await, Ok(3));
}

#[tokio::test]
async fn a_request_without_a_response_is_lost() {
    let mut fixture = Fixture::new(wide());
    let submitted = fixture.submit_all("a", 1..=3).await;
    fixture.call().await.end(Ok(vec![1, 2]));
    let lost = Err(SubmitError::Lost);
    assert_eq!(answers(submitted).await, [Ok(1), Ok(2), lost]);
    fixture.assert_is_idle().await;
}

fn three_calls() -> Limits {
    Limits {
        calls_per_key_max: 3,
        ..wide()
    }
}

#[tokio::test]
async fn a_further_call_begins_for_each_full_batch() {
    let mut fixture = Fixture::new(three_calls());
    let mut submitted = vec![fixture.submit("a", 1).await];
    let first = fixture.call().await;
    submitted.extend(fixture.submit_all("a", 2..=4).await);
    assert!(
        fixture.call_if_begun().await.is_none(),
        "three are no batch"
    );
    submitted.extend(fixture.submit_all("a", 5..=6).await);
    let second = fixture.call().await;
    assert_eq!(second.requests, [2, 3, 4, 5]);
    submitted.extend(fixture.submit_all("a", 7..=9).await);
    let third = fixture.call().await;
    assert_eq!(third.requests, [6, 7, 8, 9]);
    submitted.extend(fixture.submit_all("a", 10..=20).await);
    assert!(
        fixture.call_if_begun().await.is_none(),
        "three calls are all"
    );
    third.answer();
    let fourth = fixture.call().await;
    assert_eq!(fourth.requests, [10, 11, 12, 13]);
    drop((first, second, fourth));
}

#[tokio::test]
async fn a_call_that_has_not_run_yet_is_no_reason_for_a_further_one() {
    let mut fixture = Fixture::new(three_calls());
    // 1 begins the call, and 2 to 4 are in it when it runs.
    let submitted = fixture.submit_all("a", 1..=4).await;
    let call = fixture.call().await;
    assert_eq!(call.requests, [1, 2, 3, 4]);
    assert!(fixture.call_if_begun().await.is_none());
    drop((submitted, call));
}

#[tokio::test]
async fn keys_with_full_batches_take_turns() {
    let mut fixture = Fixture::new(Limits {
        calls_per_key_max: 4,
        in_flight: InFlight::Fixed(10),
        ..wide()
    });
    let _submitted = [fixture.submit("a", 1).await, fixture.submit("b", 101).await];
    let _first = [fixture.call().await, fixture.call().await];
    let _a = fixture.submit_all("a", 2..=30).await;
    let full = [fixture.call().await, fixture.call().await];
    let _b = fixture.submit_all("b", 102..=130).await;
    let mut keys = Vec::new();
    for call in full {
        call.answer();
        keys.push(fixture.call().await.key);
    }
    assert_eq!(keys, ["a", "b"]);
}
