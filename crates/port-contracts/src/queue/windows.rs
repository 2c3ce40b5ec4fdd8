//! Promise 4: when windows start and end.

use frontrow_domain::model::queue::{PolicyState, Throughput};

use super::{ContractQueue, QueueFixture, minutes};
use crate::policies;

impl<F: QueueFixture> ContractQueue<F> {
    /// Returns a queue of `people` users, of whom the first window has just admitted `admit`.
    async fn after_first_window(fixture: F, people: usize, admit: u32) -> Self {
        let mut queue = Self::open(fixture, policies::paused()).await;
        queue.crowd_lines_up(people).await;
        queue.change(|policy| *policy = policies::rate(admit)).await;
        assert_eq!(queue.admit_all().await, admit);
        queue
    }
}

/// Windows follow each other without a gap. They do not wait for a user to come.
pub async fn windows_follow_each_other_without_a_gap<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::after_first_window(fixture, 10, 2).await;
    queue.pass(minutes(90)).await;
    assert_eq!(queue.admit_all().await, 2); // half through the second window
    queue.pass(minutes(40)).await;
    assert_eq!(queue.admit_all().await, 2); // in the third
    queue.pass(minutes(40)).await;
    assert_eq!(queue.admit_all().await, 0);
}

/// A clock that steps back restarts the window and keeps its count: no more users are admitted.
pub async fn a_step_back_restarts_the_window_with_its_count<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::after_first_window(fixture, 20, 3).await;
    queue.step_back(minutes(30)).await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(45)).await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(16)).await; // 61 minutes after the step, 31 after the first admission
    assert_eq!(queue.admit_all().await, 3);
    assert_eq!(queue.admit_all().await, 0);
}

/// A half-used window that a step back restarts admits only the other half.
pub async fn a_step_back_leaves_what_was_left<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_lines_up(20).await;
    queue.change(|policy| *policy = policies::rate(5)).await;
    assert_eq!(queue.admit(3).await.done, 3);
    queue.step_back(minutes(24 * 60)).await;
    assert_eq!(queue.admit_all().await, 2);
}

/// Immediate admissions find the restarted window used up as well.
pub async fn a_step_back_gives_joins_nothing_either<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    queue.walk_in("ann").await;
    queue.step_back(minutes(30)).await;
    queue.line_up("ben").await;
}

/// A clock that keeps stepping back and forth admits no more than one that stands still.
pub async fn a_stepping_clock_lets_in_no_more<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::after_first_window(fixture, 10, 2).await;
    for _ in 0..5 {
        queue.step_back(minutes(20)).await;
        assert_eq!(queue.admit_all().await, 0);
        queue.pass(minutes(20)).await;
        assert_eq!(queue.admit_all().await, 0);
    }
}

/// A shorter interval applies at once: the running window keeps its start and count and takes the
/// new length.
pub async fn a_shorter_interval_applies_at_once<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::after_first_window(fixture, 20, 2).await;
    queue
        .change(|policy| policy.throughput = Some(per(2, 10)))
        .await;
    queue.pass(minutes(4)).await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(7)).await; // 11: in the second short window
    assert_eq!(queue.admit_all().await, 2);
    queue.pass(minutes(4)).await; // 15
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(6)).await; // 21: in the third
    assert_eq!(queue.admit_all().await, 2);
}

/// A window that is over by its new, shorter length is followed by windows of that length from its
/// start. No user waits for the end of the long one.
pub async fn a_window_that_is_over_by_its_new_length_is_over<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::after_first_window(fixture, 20, 2).await;
    queue.pass(minutes(35)).await;
    assert_eq!(queue.admit_all().await, 0);
    queue
        .change(|policy| policy.throughput = Some(per(2, 10)))
        .await;
    assert_eq!(queue.admit_all().await, 2); // in the window from 30 to 40
    queue.pass(minutes(4)).await; // 39
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(2)).await; // 41
    assert_eq!(queue.admit_all().await, 2);
}

/// A longer interval applies at once, too.
pub async fn a_longer_interval_applies_at_once<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_lines_up(20).await;
    queue
        .change(|policy| {
            policy.state = PolicyState::Open;
            policy.throughput = Some(per(2, 10));
        })
        .await;
    assert_eq!(queue.admit_all().await, 2);
    queue
        .change(|policy| policy.throughput = Some(per(2, 60)))
        .await;
    queue.pass(minutes(11)).await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(50)).await; // 61
    assert_eq!(queue.admit_all().await, 2);
}

/// A queue that was idle under short windows starts its long one with the last short one, and
/// accumulated no credit.
pub async fn a_longer_interval_after_idle_time_counts_from_the_last_window<F: QueueFixture>(
    fixture: F,
) {
    let mut queue = ContractQueue::open(fixture, policies::rate(2)).await;
    queue
        .change(|policy| policy.throughput = Some(per(2, 10)))
        .await;
    queue.walk_in("ann").await;
    queue.pass(minutes(95)).await;
    queue
        .change(|policy| policy.throughput = Some(per(2, 60)))
        .await;
    queue.walk_in("ben").await;
    queue.walk_in("cat").await;
    queue.line_up("dan").await;
    queue.pass(minutes(54)).await; // 149: the long window runs from 90 to 150
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(2)).await;
    assert_eq!(queue.admit_all().await, 1);
}

/// A throughput that is removed and set again finds its window as it was.
pub async fn a_rate_that_is_set_again_finds_its_window<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::after_first_window(fixture, 20, 2).await;
    queue.change(|policy| *policy = policies::capacity(1)).await;
    queue.pass(minutes(10)).await;
    queue.change(|policy| *policy = policies::rate(2)).await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(51)).await; // 61
    assert_eq!(queue.admit_all().await, 2);
}

/// Each change adds at most one new limit, however many changes there are in a window.
pub async fn twenty_changes_in_a_window_admit_no_more_than_their_limits<F: QueueFixture>(
    fixture: F,
) {
    let mut queue = ContractQueue::after_first_window(fixture, 60, 2).await;
    let mut admitted = Vec::new();
    for change in 0..20 {
        let interval = if change % 2 == 0 { 1 } else { 60 };
        queue
            .change(|policy| policy.throughput = Some(per(2, interval)))
            .await;
        admitted.push(queue.admit_all().await);
    }
    // All of them lie in the first minute of the window, so each finds it used up.
    assert_eq!(admitted, [0; 20]);
    queue
        .change(|policy| policy.throughput = Some(per(5, 60)))
        .await;
    assert_eq!(queue.admit_all().await, 3);
}

/// Admissions in the state bypass count in no window.
pub async fn bypass_counts_in_no_window<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(2)).await;
    queue.walk_in("ann").await;
    queue
        .change(|policy| policy.state = PolicyState::Bypass)
        .await;
    for name in ["ben", "cat", "dan", "eve"] {
        queue.walk_in(name).await;
    }
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    queue.walk_in("fay").await;
    queue.line_up("gus").await;
}

/// Admissions while there is no throughput count in no window. The window's count is not forgotten.
pub async fn without_a_rate_nothing_counts_in_a_window<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(2)).await;
    queue.walk_in("ann").await;
    queue
        .change(|policy| *policy = policies::capacity(100))
        .await;
    for name in ["ben", "cat", "dan", "eve"] {
        queue.walk_in(name).await;
    }
    queue.change(|policy| *policy = policies::rate(2)).await;
    queue.walk_in("fay").await;
    queue.line_up("gus").await;
}

fn per(admit: u32, interval_min: u64) -> Throughput {
    Throughput {
        admit,
        interval: minutes(interval_min),
    }
}
