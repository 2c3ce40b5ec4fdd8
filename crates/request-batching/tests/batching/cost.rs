//! The cost of a request while many others are pending.

use std::time::{Duration, Instant};

use frontrow_request_batching::Priority;

use crate::support::{Fixture, wide};

#[expect(clippy::disallowed_methods, reason = "it measures a duration")]
fn now() -> Instant {
    Instant::now()
}

/// Returns the median time of submitting a request for "b" and withdrawing it.
async fn submit_to_b(fixture: &Fixture) -> Duration {
    let mut took = Vec::new();
    for request in 0..1_000 {
        let before = now();
        drop(fixture.submit("b", request).await);
        took.push(before.elapsed());
    }
    took.sort_unstable();
    took[took.len() / 2]
}

#[tokio::test]
async fn ten_thousand_requests_for_one_key_do_not_slow_down_another_key() {
    let mut limits = wide();
    limits.pending_max = 20_000;
    let mut fixture = Fixture::new(limits);
    let _blockers = (
        fixture.submit("a", 50_000).await,
        fixture.submit("b", 50_000).await,
    );
    let (call, _b) = (fixture.call().await, fixture.call().await);
    let alone = submit_to_b(&fixture).await;
    let mut waiting = Vec::new();
    for number in 0..10_000 {
        // Three requests per user, so that some wait behind others, with two priorities.
        let priority = [Priority::Low, Priority::Normal][number as usize % 2];
        waiting.push(fixture.submit_as("a", number / 3, priority, number).await);
    }
    assert_eq!(fixture.batcher.stats().pending, 10_000);
    let beside_many = submit_to_b(&fixture).await;
    // An iteration over all pending requests would take a hundred times as long.
    assert!(
        beside_many < alone * 10,
        "{beside_many:?} instead of {alone:?}"
    );
    drop(call);
}
