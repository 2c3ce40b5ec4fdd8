//! What one tick does, and what it reports.

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
    queue.crowd_lines_up(8).await;
    queue.switch(PolicyState::Open).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        let report = queue.admit(3).await;
        told.push((report.done, report.more, report.waiting, report.active));
    }
    assert_eq!(
        told,
        [
            (3, true, 5, 3),
            (3, true, 2, 6),
            (2, false, 0, 8),
            (0, false, 0, 8)
        ]
    );
}

/// A tick that finished all work reports no more, even when that was exactly its limit.
pub async fn a_tick_without_work_left_says_so<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_lines_up(3).await;
    queue.switch(PolicyState::Open).await;
    let report = queue.admit(3).await;
    assert_eq!((report.done, report.more), (3, false));
}

/// Users who may not be admitted yet are no remaining work.
pub async fn who_may_not_be_admitted_is_no_work_left<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_lines_up(8).await;
    let report = queue.admit(2).await;
    assert_eq!((report.done, report.more), (0, false)); // paused
    queue.change(|policy| *policy = policies::rate(2)).await;
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
    queue.crowd_lines_up(8).await;
    queue.serve_past(WAITING_TTL).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        let report = queue.expire(3).await;
        told.push((report.done, report.more));
    }
    let departed = queue.tidy().await.departed;
    if !queue.stood_still() {
        assert_eq!(told, [(3, true), (3, true), (2, false), (0, false)]);
        assert_eq!(departed, 8);
    }
}

/// An expiry tick also removes expired active places, and leaves the others.
pub async fn an_expiry_tick_removes_active_places<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(10)).await;
    for name in ["ann", "ben"] {
        let ticket = queue.walk_in(name).await;
        queue.pass_gate(&ticket, super::hold_for(60)).await;
    }
    queue.pass(minutes(9)).await;
    let cat = queue.walk_in("cat").await;
    queue.pass_gate(&cat, super::hold_for(60)).await;
    queue.pass(minutes(2)).await;
    let report = queue.expire(ALL).await;
    assert_eq!((report.done, report.more, report.active), (2, false, 1));
    assert_eq!(report.departed, 0, "none of them ever waited");
    queue.find(&cat).await;
}

/// An expiry tick admits no user.
pub async fn an_expiry_tick_admits_nobody<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    queue.switch(PolicyState::Open).await;
    assert_eq!(queue.tidy().await.done, 0);
    assert!(queue.waits(&ann).await);
}

/// Every user who stopped waiting has departed: admitted, left or expired. A user who was admitted
/// at once has not.
pub async fn everybody_who_stopped_waiting_has_departed<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    let ann = queue.walk_in("ann").await;
    assert_eq!(queue.tidy().await.departed, 0);
    let line = queue.all_line_up(&["ben", "cat", "dan"]).await;
    queue.go(&line[1]).await;
    assert_eq!(queue.tidy().await.departed, 1);
    queue.go(&ann).await;
    assert_eq!(queue.tidy().await.departed, 1);
    queue.pass(minutes(61)).await;
    let report = queue.admit(ALL).await;
    assert_eq!((report.departed, report.waiting), (2, 1));
    queue.go(&line[0]).await;
    queue.serve(WAITING_TTL).await;
    let report = queue.tidy().await;
    assert_eq!((report.departed, report.waiting), (3, 0));
}

/// A tick reports the throughput of the policy and the window that runs under it.
pub async fn a_tick_reports_throughput_and_window<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(3)).await;
    let throughput = policies::rate(3).throughput;
    let report = queue.expire(1).await;
    assert_eq!((report.throughput, report.window), (throughput, None));
    let ann = queue.walk_in("ann").await;
    queue.walk_in("ben").await;
    queue.walk_in("cat").await;
    queue.line_up("dan").await;
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
pub async fn a_tick_reports_how_many_were_admitted_from_the_line<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    queue.walk_in("ann").await;
    queue.all_line_up(&["ben", "cat"]).await;
    assert_eq!(queue.admit(ALL).await.admitted, 0);
    queue.pass(minutes(61)).await;
    assert_eq!(queue.admit(ALL).await.admitted, 1);
    assert_eq!(queue.expire(ALL).await.admitted, 1);
}

/// A queue is busy while any user has a place in it, and not before.
pub async fn a_queue_is_busy_while_anybody_has_a_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    assert!(!queue.is_busy().await);
    let ann = queue.walk_in("ann").await;
    assert!(queue.is_busy().await);
    let ben = queue.line_up("ben").await;
    queue.tidy().await;
    queue.go(&ann).await;
    queue.tidy().await;
    assert!(queue.is_busy().await);
    queue.pass(minutes(61)).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&ben).await);
    assert!(queue.is_busy().await);
}

/// A queue that all users left long ago is no longer busy, and can become busy again.
pub async fn a_queue_that_all_have_left_is_not_busy_for_ever<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    queue.go(&ann).await;
    for _ in 0..2 {
        queue.pass(minutes(24 * 60)).await;
        queue.tidy().await;
        queue.admit_all().await;
    }
    assert!(!queue.is_busy().await);
    queue.line_up("ben").await;
    assert!(queue.is_busy().await);
}
