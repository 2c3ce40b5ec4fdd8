//! Promise 4: N users in a window, and no more.

use super::{ContractQueue, QueueFixture, minutes};
use crate::policies;

/// A window admits its number, and no more until it is over.
pub async fn a_window_admits_its_number_of_users_and_no_more<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_joins_line(10).await;
    queue
        .change(|policy| *policy = policies::throughput(3))
        .await;
    assert_eq!(queue.admit_all().await, 3);
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(30)).await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(31)).await;
    assert_eq!(queue.admit_all().await, 3);
    assert_eq!(queue.admit_all().await, 0);
}

/// A window's number may be used in several ticks.
pub async fn a_window_counts_over_several_ticks<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_joins_line(10).await;
    queue
        .change(|policy| *policy = policies::throughput(5))
        .await;
    assert_eq!(queue.admit(2).await.done, 2);
    queue.pass(minutes(20)).await;
    assert_eq!(queue.admit(2).await.done, 2);
    queue.pass(minutes(20)).await;
    assert_eq!(queue.admit(2).await.done, 1);
}

/// Immediate admissions count in the window too.
pub async fn immediate_admissions_count_in_the_window<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(3)).await;
    queue.join_active("ann").await;
    queue.join_active("ben").await;
    queue.join_active("cat").await;
    queue.all_join_line(&["dan", "eve"]).await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(61)).await;
    assert_eq!(queue.admit_all().await, 2);
    queue.join_active("fay").await;
    queue.join_line("gus").await;
}

/// An active user who leaves frees no admission in the window.
pub async fn leaving_frees_no_admission_in_the_window<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    let ann = queue.join_active("ann").await;
    queue.leave_place(&ann).await;
    queue.join_line("ben").await;
    assert_eq!(queue.admit_all().await, 0);
    queue.join_line("ann").await;
}

/// An idle queue saves up no admissions.
pub async fn an_idle_queue_saves_up_no_admissions<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    queue.join_active("ann").await;
    queue.pass(minutes(10 * 60 + 1)).await;
    queue.join_active("ben").await;
    queue.join_active("cat").await;
    queue.all_join_line(&["dan", "eve", "fay"]).await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(60)).await;
    assert_eq!(queue.admit_all().await, 2);
}

/// A queue that admitted no user for long while users waited saves nothing up either.
pub async fn a_long_pause_saves_up_no_admissions<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    queue.join_active("ann").await;
    queue.join_active("ben").await;
    queue.crowd_joins_line(10).await;
    queue.pass(minutes(10 * 60 + 1)).await;
    assert_eq!(queue.admit_all().await, 2);
    assert_eq!(queue.admit_all().await, 0);
}

/// A tick that found no user to admit saves nothing up either.
pub async fn ticks_of_an_empty_queue_save_up_no_admissions<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    for _ in 0..4 {
        queue.pass(minutes(60)).await;
        assert_eq!(queue.admit_all().await, 0);
    }
    queue.join_active("ann").await;
    queue.join_active("ben").await;
    queue.join_line("cat").await;
}

/// A lowered number takes effect at once, also where more users than that were admitted already.
pub async fn a_lowered_rate_applies_at_once<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_joins_line(20).await;
    queue
        .change(|policy| *policy = policies::throughput(5))
        .await;
    assert_eq!(queue.admit(4).await.done, 4);
    queue
        .change(|policy| *policy = policies::throughput(2))
        .await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(61)).await;
    assert_eq!(queue.admit_all().await, 2);
}

/// A raised number takes effect at once: the running window admits the difference.
pub async fn a_raised_rate_applies_at_once<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_joins_line(20).await;
    queue
        .change(|policy| *policy = policies::throughput(2))
        .await;
    assert_eq!(queue.admit_all().await, 2);
    queue
        .change(|policy| *policy = policies::throughput(5))
        .await;
    assert_eq!(queue.admit_all().await, 3);
}
