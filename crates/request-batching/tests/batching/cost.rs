//! What a request costs beside many others.

use std::time::{Duration, Instant};

use frontrow_request_batching::Priority;

use crate::support::{Room, wide};

#[expect(clippy::disallowed_methods, reason = "it measures a duration")]
fn now() -> Instant {
    Instant::now()
}

/// The median of how long it takes to make a request pending for "b" and to take it back.
async fn submit_to_b(room: &Room) -> Duration {
    let mut took = Vec::new();
    for request in 0..1_000 {
        let before = now();
        drop(room.ask("b", request).await);
        took.push(before.elapsed());
    }
    took.sort_unstable();
    took[took.len() / 2]
}

#[tokio::test]
async fn ten_thousand_who_wait_for_one_key_do_not_slow_down_another() {
    let mut limits = wide();
    limits.pending_max = 20_000;
    let mut room = Room::new(limits);
    let _blockers = (room.ask("a", 50_000).await, room.ask("b", 50_000).await);
    let (call, _b) = (room.call().await, room.call().await);
    let alone = submit_to_b(&room).await;
    let mut waiting = Vec::new();
    for number in 0..10_000 {
        // Some of a user's wait behind each other, in all priorities.
        let priority = [Priority::Low, Priority::Normal][number as usize % 2];
        waiting.push(room.ask_as("a", number / 3, priority, number).await);
    }
    assert_eq!(room.batcher.stats().pending, 10_000);
    let beside_many = submit_to_b(&room).await;
    // To go through all who wait would take a hundred times as long.
    assert!(
        beside_many < alone * 10,
        "{beside_many:?} instead of {alone:?}"
    );
    drop(call);
}
