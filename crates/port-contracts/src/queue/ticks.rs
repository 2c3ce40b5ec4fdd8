//! The work of one tick, and its report.

use frontrow_domain::model::queue::PolicyState;

use super::{ALL, ContractQueue, QueueFixture, minutes};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    async fn is_busy(&self) -> bool {
        let busy = self.ports.ticks.busy().await.expect("busy");
        busy.contains(&self.concert)
    }
}

/// An admission tick admits at most its limit, and reports whether it could admit more.
pub async fn an_admission_tick_stops_at_its_limit<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_joins_line(8).await;
    queue.switch(PolicyState::Open).await;
    let mut reports = Vec::new();
    for _ in 0..4 {
        let report = queue.admit(3).await;
        reports.push((report.done, report.more, report.waiting, report.active));
    }
    assert_eq!(
        reports,
        [
            (3, true, 5, 3),
            (3, true, 2, 6),
            (2, false, 0, 8),
            (0, false, 0, 8)
        ]
    );
}

/// A tick that finished all work reports no more, even if the work was exactly its limit.
pub async fn a_tick_that_finished_reports_no_more_work<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_joins_line(3).await;
    queue.switch(PolicyState::Open).await;
    let report = queue.admit(3).await;
    assert_eq!((report.done, report.more), (3, false));
}

/// Users who may not be admitted yet are no remaining work.
pub async fn users_who_may_not_be_admitted_are_no_remaining_work<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_joins_line(8).await;
    let report = queue.admit(2).await;
    assert_eq!((report.done, report.more), (0, false)); // paused
    queue
        .change(|policy| *policy = policies::throughput(2))
        .await;
    let report = queue.admit(2).await;
    assert_eq!((report.done, report.more), (2, false)); // the window is full
    queue.change(|policy| *policy = policies::capacity(5)).await;
    let report = queue.admit(3).await;
    assert_eq!((report.done, report.more), (3, false)); // all places are taken
    let report = queue.admit(3).await;
    assert_eq!((report.done, report.more, report.waiting), (0, false, 3));
}

/// An expiry tick removes at most its limit, and reports whether there is more.
pub async fn an_expiry_tick_stops_at_its_limit<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_joins_line(8).await;
    queue.serve_past(WAITING_TTL).await;
    let mut reports = Vec::new();
    for _ in 0..4 {
        let report = queue.expire(3).await;
        reports.push((report.done, report.more));
    }
    let departed = queue.expire_all().await.departed;
    if !queue.was_interrupted() {
        assert_eq!(reports, [(3, true), (3, true), (2, false), (0, false)]);
        assert_eq!(departed, 8);
    }
}

/// An expiry tick also removes expired active places, and leaves the others.
pub async fn an_expiry_tick_removes_expired_active_places<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(10)).await;
    for name in ["ann", "ben"] {
        let ticket = queue.join_active(name).await;
        queue.pass_gate(&ticket, super::hold_for(60)).await;
    }
    queue.pass(minutes(9)).await;
    let cat = queue.join_active("cat").await;
    queue.pass_gate(&cat, super::hold_for(60)).await;
    queue.pass(minutes(2)).await;
    let report = queue.expire(ALL).await;
    assert_eq!((report.done, report.more, report.active), (2, false, 1));
    assert_eq!(report.departed, 0, "none of them ever waited");
    queue.find(&cat).await;
}

/// An expiry tick admits no user.
pub async fn an_expiry_tick_admits_no_user<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.switch(PolicyState::Open).await;
    assert_eq!(queue.expire_all().await.done, 0);
    assert!(queue.waits(&ann).await);
}

/// Every user who stopped waiting has departed: admitted, left or expired. A user who was admitted
/// at once has not.
pub async fn a_tick_counts_every_user_who_stopped_waiting<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    let ann = queue.join_active("ann").await;
    assert_eq!(queue.expire_all().await.departed, 0);
    let line = queue.all_join_line(&["ben", "cat", "dan"]).await;
    queue.leave_place(&line[1]).await;
    assert_eq!(queue.expire_all().await.departed, 1);
    queue.leave_place(&ann).await;
    assert_eq!(queue.expire_all().await.departed, 1);
    queue.pass(minutes(61)).await;
    let report = queue.admit(ALL).await;
    assert_eq!((report.departed, report.waiting), (2, 1));
    queue.leave_place(&line[0]).await;
    queue.serve(WAITING_TTL).await;
    let report = queue.expire_all().await;
    assert_eq!((report.departed, report.waiting), (3, 0));
}

/// A tick reports the throughput of the policy and the window that runs under it.
pub async fn a_tick_reports_throughput_and_window<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(3)).await;
    let throughput = policies::throughput(3).throughput;
    let report = queue.expire(1).await;
    assert_eq!((report.throughput, report.window), (throughput, None));
    let ann = queue.join_active("ann").await;
    queue.join_active("ben").await;
    queue.join_active("cat").await;
    queue.join_line("dan").await;
    for report in [queue.admit(1).await, queue.expire(1).await] {
        assert_eq!(report.throughput, throughput);
        let window = report.window.expect("a window");
        assert_eq!(
            (window.admitted, Some(window.interval)),
            (3, throughput.map(|per| per.interval))
        );
        assert_eq!(window.start, ann.arrival.at());
    }
    queue.change(|policy| *policy = policies::capacity(5)).await;
    let report = queue.admit(1).await;
    assert_eq!((report.throughput, report.window), (None, None));
}

/// A tick reports how many users were admitted from the line, without immediate admissions.
pub async fn a_tick_reports_the_number_of_passed_users<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.join_active("ann").await;
    queue.all_join_line(&["ben", "cat"]).await;
    assert_eq!(queue.admit(ALL).await.admitted, 0);
    queue.pass(minutes(61)).await;
    assert_eq!(queue.admit(ALL).await.admitted, 1);
    assert_eq!(queue.expire(ALL).await.admitted, 1);
}

/// A queue is busy while any user has a place in it, and not before.
pub async fn a_queue_is_busy_while_any_user_has_a_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    assert!(!queue.is_busy().await);
    let ann = queue.join_active("ann").await;
    assert!(queue.is_busy().await);
    let ben = queue.join_line("ben").await;
    queue.expire_all().await;
    queue.leave_place(&ann).await;
    queue.expire_all().await;
    assert!(queue.is_busy().await);
    queue.pass(minutes(61)).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&ben).await);
    assert!(queue.is_busy().await);
}

/// A queue that all users left long ago is no longer busy, and can become busy again.
pub async fn a_queue_that_all_users_left_stops_being_busy<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.leave_place(&ann).await;
    for _ in 0..2 {
        queue.pass(minutes(24 * 60)).await;
        queue.expire_all().await;
        queue.admit_all().await;
    }
    assert!(!queue.is_busy().await);
    queue.join_line("ben").await;
    assert!(queue.is_busy().await);
}
