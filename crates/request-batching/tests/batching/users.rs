use frontrow_request_batching::{Limits, Overload, Priority::Normal};

use crate::support::{Fixture, answers, refused, wide};

#[tokio::test]
async fn requests_of_a_user_are_in_different_calls_in_their_order() {
    let mut fixture = Fixture::new(Limits {
        calls_per_key_max: 8,
        batch_max: 2,
        ..wide()
    });
    let mut submitted = Vec::new();
    for request in 1..=6 {
        submitted.push(fixture.submit_as("a", 7, Normal, request).await);
    }
    for request in 1..=6 {
        let call = fixture.call().await;
        assert_eq!(call.requests, [request]);
        assert!(fixture.call_if_begun().await.is_none(), "one at a time");
        call.answer();
    }
    assert_eq!(
        answers(submitted).await,
        (1..=6).map(Ok).collect::<Vec<_>>()
    );
    fixture.assert_is_idle().await;
}

#[tokio::test]
async fn a_user_in_a_call_does_not_join_it_again() {
    let mut fixture = Fixture::new(wide());
    let _first = fixture.submit_as("a", 7, Normal, 1).await;
    let mut call = fixture.call().await;
    let _again = fixture.submit_as("a", 7, Normal, 2).await;
    let _other = fixture.submit_as("a", 8, Normal, 3).await;
    assert_eq!(call.board().await, [3]);
    call.answer();
    assert_eq!(fixture.call().await.requests, [2]);
}

#[tokio::test]
async fn a_user_may_have_requests_of_two_keys_in_flight() {
    let mut fixture = Fixture::new(wide());
    let _a = fixture.submit_as("a", 7, Normal, 1).await;
    let _b = fixture.submit_as("b", 7, Normal, 2).await;
    assert_eq!(fixture.call().await.requests, [1]);
    assert_eq!(fixture.call().await.requests, [2]);
}

#[tokio::test]
async fn the_next_request_of_a_user_waits_behind_other_users() {
    let mut fixture = Fixture::new(Limits {
        batch_max: 2,
        ..wide()
    });
    let _one = fixture.submit_as("a", 7, Normal, 1).await;
    let call = fixture.call().await;
    let _again = fixture.submit_as("a", 7, Normal, 2).await;
    let _others = fixture.submit_all("a", 11..=13).await;
    call.answer();
    let call = fixture.call().await;
    assert_eq!(call.requests, [11, 12]);
    call.answer();
    assert_eq!(fixture.call().await.requests, [13, 2]);
}

#[tokio::test]
async fn a_user_with_too_many_requests_displaces_no_other_user() {
    let limits = Limits {
        pending_max: 200,
        ..wide()
    };
    let mut fixture = Fixture::new(limits);
    let _blocker = fixture.submit("a", 0).await;
    let call = fixture.call().await;
    let mut submitted = Vec::new();
    for request in 1..=1_000 {
        submitted.push(fixture.submit_as("a", 7, Normal, request).await);
    }
    assert_eq!(fixture.batcher.stats().pending, 100);
    assert_eq!(fixture.batcher.stats().shed.per_user, 900);
    let last = submitted.pop().unwrap();
    assert_eq!(last.answer().await, refused(Overload::PerUser));
    let other = fixture.submit("a", 8).await;
    call.answer();
    let call = fixture.call().await;
    assert_eq!(call.requests, [1, 8]);
    call.answer();
    assert_eq!(other.answer().await, Ok(8));
    // One request of the user was served, so one more may be pending.
    let _next = fixture.submit_as("a", 7, Normal, 2_000).await;
    assert_eq!(fixture.batcher.stats().shed.per_user, 900);
}

#[tokio::test]
async fn the_next_request_of_a_user_replaces_a_withdrawn_first_one() {
    let mut fixture = Fixture::new(wide());
    let _blocker = fixture.submit("a", 0).await;
    let call = fixture.call().await;
    let first = fixture.submit_as("a", 7, Normal, 1).await;
    let second = fixture.submit_as("a", 7, Normal, 2).await;
    let third = fixture.submit_as("a", 7, Normal, 3).await;
    drop(second);
    drop(first);
    call.answer();
    let call = fixture.call().await;
    assert_eq!(call.requests, [3]);
    call.answer();
    assert_eq!(third.answer().await, Ok(3));
    fixture.assert_is_idle().await;
}
