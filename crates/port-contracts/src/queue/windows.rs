//! Promise 4: when windows start and end.

use frontrow_domain::model::queue::{PolicyState, Throughput};

use super::{ContractQueue, QueueFixture, minutes};
use crate::policies;

impl<F: QueueFixture> ContractQueue<F> {
    /// Returns a queue of `users` users. Its first window has just admitted `admit` of them.
    async fn after_first_window(fixture: F, users: usize, admit: u32) -> Self {
        let mut queue = Self::open(fixture, policies::paused()).await;
        queue.crowd_joins_line(users).await;
        queue
            .change(|policy| *policy = policies::throughput(admit))
            .await;
        assert_eq!(queue.admit_all().await, admit);
        queue
    }
}

/// Windows follow each other without a gap, also while there is no user to admit.
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
pub async fn a_step_back_restarts_the_window_and_keeps_its_count<F: QueueFixture>(fixture: F) {
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
pub async fn a_restarted_window_admits_only_its_unused_part<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_joins_line(20).await;
    queue
        .change(|policy| *policy = policies::throughput(5))
        .await;
    assert_eq!(queue.admit(3).await.done, 3);
    queue.step_back(minutes(24 * 60)).await;
    assert_eq!(queue.admit_all().await, 2);
}

/// A restarted window that is used up allows no immediate admission either.
pub async fn immediate_admissions_count_in_a_restarted_window<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.join_active("ann").await;
    queue.step_back(minutes(30)).await;
    queue.join_line("ben").await;
}

/// A clock that keeps stepping back and forth admits no more than one that stands still.
pub async fn a_clock_that_steps_back_and_forth_admits_no_more_users<F: QueueFixture>(fixture: F) {
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

/// A window that is older than its new, shorter interval is followed by windows of that interval
/// from its start. No user waits for the end of the long window.
pub async fn a_window_older_than_its_new_interval_is_over<F: QueueFixture>(fixture: F) {
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
    queue.crowd_joins_line(20).await;
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

/// A queue that was idle under short windows starts its long window with the last short one, and
/// has saved up no admissions.
pub async fn a_longer_interval_after_idle_time_counts_from_the_last_window<F: QueueFixture>(
    fixture: F,
) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    queue
        .change(|policy| policy.throughput = Some(per(2, 10)))
        .await;
    queue.join_active("ann").await;
    queue.pass(minutes(95)).await;
    queue
        .change(|policy| policy.throughput = Some(per(2, 60)))
        .await;
    queue.join_active("ben").await;
    queue.join_active("cat").await;
    queue.join_line("dan").await;
    queue.pass(minutes(54)).await; // 149: the long window runs from 90 to 150
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(2)).await;
    assert_eq!(queue.admit_all().await, 1);
}

/// A throughput that is removed and set again finds its window as it was.
pub async fn a_throughput_that_is_set_again_continues_its_window<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::after_first_window(fixture, 20, 2).await;
    queue.change(|policy| *policy = policies::capacity(1)).await;
    queue.pass(minutes(10)).await;
    queue
        .change(|policy| *policy = policies::throughput(2))
        .await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(51)).await; // 61
    assert_eq!(queue.admit_all().await, 2);
}

/// Each change of the policy adds at most one new limit in a window.
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
pub async fn admissions_in_bypass_count_in_no_window<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    queue.join_active("ann").await;
    queue
        .change(|policy| policy.state = PolicyState::Bypass)
        .await;
    for name in ["ben", "cat", "dan", "eve"] {
        queue.join_active(name).await;
    }
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    queue.join_active("fay").await;
    queue.join_line("gus").await;
}

/// Admissions while there is no throughput count in no window. The window's count is not forgotten.
pub async fn admissions_without_a_throughput_count_in_no_window<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    queue.join_active("ann").await;
    queue
        .change(|policy| *policy = policies::capacity(100))
        .await;
    for name in ["ben", "cat", "dan", "eve"] {
        queue.join_active(name).await;
    }
    queue
        .change(|policy| *policy = policies::throughput(2))
        .await;
    queue.join_active("fay").await;
    queue.join_line("gus").await;
}

fn per(admit: u32, interval_min: u64) -> Throughput {
    Throughput {
        admit,
        interval: minutes(interval_min),
    }
}
