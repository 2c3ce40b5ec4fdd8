//! Promise 4: when windows start and end.

use frontrow_domain::model::queue::{PolicyState, Throughput};

use super::{QueueFixture, Room, by_capacity, by_rate, minutes, paused};

impl<F: QueueFixture> Room<F> {
    /// A queue of so many people, of whom the first window has just let in so many.
    async fn after_first_window(fixture: F, people: usize, admit: u32) -> Self {
        let mut room = Self::open(fixture, paused()).await;
        room.crowd_lines_up(people).await;
        room.change(|policy| *policy = by_rate(admit)).await;
        assert_eq!(room.admit_all().await, admit);
        room
    }
}

/// Windows follow each other without a gap: they do not wait for somebody to come.
pub async fn windows_follow_each_other_without_a_gap<F: QueueFixture>(fixture: F) {
    let mut room = Room::after_first_window(fixture, 10, 2).await;
    room.pass(minutes(90)).await;
    assert_eq!(room.admit_all().await, 2); // half through the second window
    room.pass(minutes(40)).await;
    assert_eq!(room.admit_all().await, 2); // in the third
    room.pass(minutes(40)).await;
    assert_eq!(room.admit_all().await, 0);
}

/// A clock that steps back restarts the window, with its count kept: nobody more is let in.
pub async fn a_step_back_restarts_the_window_with_its_count<F: QueueFixture>(fixture: F) {
    let mut room = Room::after_first_window(fixture, 20, 3).await;
    room.step_back(minutes(30)).await;
    assert_eq!(room.admit_all().await, 0);
    room.pass(minutes(45)).await;
    assert_eq!(room.admit_all().await, 0);
    room.pass(minutes(16)).await; // 61 minutes after the step, 31 after the first admission
    assert_eq!(room.admit_all().await, 3);
    assert_eq!(room.admit_all().await, 0);
}

/// A half-used window that a step back restarts lets in the other half only.
pub async fn a_step_back_leaves_what_was_left<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    room.crowd_lines_up(20).await;
    room.change(|policy| *policy = by_rate(5)).await;
    assert_eq!(room.admit(3).await.done, 3);
    room.step_back(minutes(24 * 60)).await;
    assert_eq!(room.admit_all().await, 2);
}

/// Joins that are active at once find the restarted window used up as well.
pub async fn a_step_back_gives_joins_nothing_either<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    room.walk_in("ann").await;
    room.step_back(minutes(30)).await;
    room.line_up("ben").await;
}

/// A clock that keeps stepping back and forth lets in no more than one that stands still.
pub async fn a_stepping_clock_lets_in_no_more<F: QueueFixture>(fixture: F) {
    let mut room = Room::after_first_window(fixture, 10, 2).await;
    for _ in 0..5 {
        room.step_back(minutes(20)).await;
        assert_eq!(room.admit_all().await, 0);
        room.pass(minutes(20)).await;
        assert_eq!(room.admit_all().await, 0);
    }
}

/// A shorter interval takes effect when the running window ends.
pub async fn a_shorter_interval_waits_for_the_end_of_the_window<F: QueueFixture>(fixture: F) {
    let mut room = Room::after_first_window(fixture, 20, 2).await;
    room.change(|policy| policy.throughput = Some(per(2, 10)))
        .await;
    room.pass(minutes(50)).await;
    assert_eq!(room.admit_all().await, 0);
    room.pass(minutes(11)).await; // 61: in the first short window
    assert_eq!(room.admit_all().await, 2);
    room.pass(minutes(4)).await; // 65
    assert_eq!(room.admit_all().await, 0);
    room.pass(minutes(6)).await; // 71: in the second
    assert_eq!(room.admit_all().await, 2);
}

/// A longer interval takes effect when the running window ends, too.
pub async fn a_longer_interval_waits_for_the_end_of_the_window<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    room.crowd_lines_up(20).await;
    room.change(|policy| {
        policy.state = PolicyState::Open;
        policy.throughput = Some(per(2, 10));
    })
    .await;
    assert_eq!(room.admit_all().await, 2);
    room.change(|policy| policy.throughput = Some(per(2, 60)))
        .await;
    room.pass(minutes(11)).await;
    assert_eq!(room.admit_all().await, 2);
    room.pass(minutes(50)).await; // 61: the long window lasts from 10 to 70
    assert_eq!(room.admit_all().await, 0);
    room.pass(minutes(10)).await; // 71
    assert_eq!(room.admit_all().await, 2);
}

/// Admissions in the state bypass count in no window.
pub async fn bypass_counts_in_no_window<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(2)).await;
    room.walk_in("ann").await;
    room.change(|policy| policy.state = PolicyState::Bypass)
        .await;
    for name in ["ben", "cat", "dan", "eve"] {
        room.walk_in(name).await;
    }
    room.change(|policy| policy.state = PolicyState::Open).await;
    room.walk_in("fay").await;
    room.line_up("gus").await;
}

/// Admissions while there is no throughput count in no window; the window's count is not forgotten.
pub async fn without_a_rate_nothing_counts_in_a_window<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(2)).await;
    room.walk_in("ann").await;
    room.change(|policy| *policy = by_capacity(100)).await;
    for name in ["ben", "cat", "dan", "eve"] {
        room.walk_in(name).await;
    }
    room.change(|policy| *policy = by_rate(2)).await;
    room.walk_in("fay").await;
    room.line_up("gus").await;
}

fn per(admit: u32, interval_min: u64) -> Throughput {
    Throughput {
        admit,
        interval: minutes(interval_min),
    }
}
