use frontrow_request_batching::{Limits, Overload};

use crate::support::{Fixture, refused, settle, wide};

fn four_pending() -> Limits {
    Limits {
        pending_max: 4,
        ..wide()
    }
}

#[tokio::test]
async fn pending_requests_are_bounded_over_all_keys() {
    let mut fixture = Fixture::new(four_pending());
    let _first = fixture.submit_all("a", 1..=1).await;
    let _second = fixture.submit_all("b", 2..=2).await;
    let (a, _b) = (fixture.call().await, fixture.call().await);
    let _waiting = (
        fixture.submit_all("a", 3..=4).await,
        fixture.submit_all("b", 5..=6).await,
    );
    let beyond = fixture.submit("c", 7).await;
    assert_eq!(beyond.answer().await, refused(Overload::Total));
    assert_eq!(
        fixture.batcher.stats().keys,
        2,
        "a refused key leaves no entry"
    );
    a.answer();
    assert_eq!(fixture.call().await.requests, [3, 4]);
    let _within = fixture.submit("c", 8).await;
    assert_eq!(fixture.call().await.requests, [8]);
    assert_eq!(fixture.batcher.stats().shed.total, 1);
}

/// Requests beyond the bound stay pending, and the end of a call lets the next one begin.
#[tokio::test]
async fn calls_in_flight_are_bounded() {
    let mut fixture = Fixture::new(Limits {
        calls_max: 2,
        ..wide()
    });
    let _submitted = (
        fixture.submit("a", 1).await,
        fixture.submit("b", 2).await,
        fixture.submit("c", 3).await,
        fixture.submit("d", 4).await,
    );
    let (a, b) = (fixture.call().await, fixture.call().await);
    assert_eq!((a.key, b.key), ("a", "b"));
    assert!(fixture.call_if_begun().await.is_none());
    b.answer();
    let c = fixture.call().await;
    assert_eq!(c.key, "c");
    assert!(fixture.call_if_begun().await.is_none());
    a.answer();
    assert_eq!(fixture.call().await.key, "d");
    assert_eq!(fixture.batcher.stats().calls, 2);
}

#[tokio::test]
async fn a_bound_of_zero_counts_as_one() {
    let mut fixture = Fixture::new(Limits {
        batch_max: 0,
        pending_max: 0,
        pending_per_user_max: 0,
        calls_per_key_max: 0,
        calls_max: 0,
        in_flight: frontrow_request_batching::InFlight::Fixed(0),
        ..wide()
    });
    let submitted = fixture.submit("a", 1).await;
    fixture.call().await.answer();
    assert_eq!(submitted.answer().await, Ok(1));
}

#[tokio::test]
async fn a_closed_batcher_refuses_new_requests_and_serves_the_others() {
    let mut fixture = Fixture::new(wide());
    let in_call = fixture.submit("a", 1).await;
    let call = fixture.call().await;
    let pending = fixture.submit("a", 2).await;
    fixture.batcher.close();
    let new = fixture.submit("a", 3).await;
    assert_eq!(new.answer().await, refused(Overload::Closed));
    let new = fixture.submit("b", 4).await;
    assert_eq!(new.answer().await, refused(Overload::Closed));
    call.answer();
    assert_eq!(in_call.answer().await, Ok(1));
    fixture.call().await.answer();
    assert_eq!(pending.answer().await, Ok(2));
    assert_eq!(fixture.batcher.stats().shed.closed, 2);
    fixture.assert_is_idle().await;
}

#[tokio::test]
async fn an_idle_key_has_no_entry() {
    let mut fixture = Fixture::new(wide());
    for key in ["a", "b", "c", "d"] {
        let submitted = fixture.submit(key, 1).await;
        fixture.call().await.answer();
        submitted.answer().await.unwrap();
        settle().await;
        assert_eq!(fixture.batcher.stats().keys, 0);
    }
}
