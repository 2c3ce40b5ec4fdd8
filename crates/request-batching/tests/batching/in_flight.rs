use frontrow_request_batching::{InFlight, Limits};

use crate::support::{Fixture, answers, wide};

#[tokio::test]
async fn requests_in_flight_are_bounded_over_all_keys() {
    let mut fixture = Fixture::new(Limits {
        in_flight: InFlight::Fixed(6),
        ..wide()
    });
    let mut submitted = fixture.submit_all("a", 1..=4).await;
    submitted.extend(fixture.submit_all("b", 5..=8).await);
    submitted.extend(fixture.submit_all("c", 9..=9).await);
    // Each key has a call, and the first to run takes the remaining capacity.
    let (a, b, c) = (
        fixture.call().await,
        fixture.call().await,
        fixture.call().await,
    );
    assert_eq!(
        (a.requests.len(), &*b.requests, &*c.requests),
        (4, &[5][..], &[9][..])
    );
    assert!(fixture.call_if_begun().await.is_none());
    assert_eq!(fixture.batcher.stats().in_flight, 6);
    c.answer();
    assert!(fixture.call_if_begun().await.is_none(), "one call per key");
    b.answer();
    let b = fixture.call().await;
    assert_eq!(b.requests, [6, 7]);
    assert!(fixture.call_if_begun().await.is_none());
    a.answer();
    b.answer();
    let b = fixture.call().await;
    assert_eq!(b.requests, [8]);
    b.answer();
    assert_eq!(
        answers(submitted).await,
        (1..=9).map(Ok).collect::<Vec<_>>()
    );
    fixture.assert_is_idle().await;
}

#[tokio::test]
async fn a_small_limit_makes_small_batches() {
    let mut fixture = Fixture::new(Limits {
        in_flight: InFlight::Fixed(2),
        calls_per_key_max: 16,
        ..wide()
    });
    let submitted = fixture.submit_all("a", 1..=5).await;
    for expected in [&[1, 2][..], &[3, 4], &[5]] {
        let call = fixture.call().await;
        assert_eq!(call.requests, expected);
        assert!(fixture.call_if_begun().await.is_none());
        call.answer();
    }
    assert_eq!(
        answers(submitted).await,
        (1..=5).map(Ok).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_further_call_needs_capacity_for_a_whole_batch() {
    let mut fixture = Fixture::new(Limits {
        in_flight: InFlight::Fixed(7),
        calls_per_key_max: 16,
        ..wide()
    });
    let mut submitted = fixture.submit_all("a", 1..=4).await;
    let call = fixture.call().await;
    assert_eq!(call.requests, [1, 2, 3, 4]);
    submitted.extend(fixture.submit_all("a", 5..=12).await);
    assert!(fixture.call_if_begun().await.is_none());
    drop(submitted);
}
