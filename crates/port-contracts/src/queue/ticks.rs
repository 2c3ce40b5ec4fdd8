//! What ticks do at once, and what they tell.

use frontrow_domain::model::queue::PolicyState;

use super::{ALL, QueueFixture, Room, WAITING_TTL, by_capacity, by_rate, minutes, paused};

impl<F: QueueFixture> Room<F> {
    async fn is_busy(&self) -> bool {
        let busy = self.ports.ticks.busy().await.expect("busy");
        busy.contains(&self.concert)
    }
}

/// An admission tick admits at most its limit, and says whether it could admit more.
pub async fn an_admission_tick_stops_at_its_limit<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    room.crowd_lines_up(8).await;
    room.switch(PolicyState::Open).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        let report = room.admit(3).await;
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

/// A tick that did all that there was to do says so, even when that was just its limit.
pub async fn a_tick_without_work_left_says_so<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    room.crowd_lines_up(3).await;
    room.switch(PolicyState::Open).await;
    let report = room.admit(3).await;
    assert_eq!((report.done, report.more), (3, false));
}

/// Who may not be admitted yet is no work left.
pub async fn who_may_not_be_admitted_is_no_work_left<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    room.crowd_lines_up(8).await;
    let report = room.admit(2).await;
    assert_eq!((report.done, report.more), (0, false)); // paused
    room.change(|policy| *policy = by_rate(2)).await;
    let report = room.admit(2).await;
    assert_eq!((report.done, report.more), (2, false)); // the window is full
    room.change(|policy| *policy = by_capacity(5)).await;
    let report = room.admit(3).await;
    assert_eq!((report.done, report.more), (3, false)); // all places are taken
    let report = room.admit(3).await;
    assert_eq!((report.done, report.more, report.waiting), (0, false, 3));
}

/// An expiry tick removes at most its limit, and says whether there is more.
pub async fn an_expiry_tick_stops_at_its_limit<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    room.crowd_lines_up(8).await;
    room.serve_past(WAITING_TTL).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        let report = room.expire(3).await;
        told.push((report.done, report.more));
    }
    let departed = room.tidy().await.departed;
    if !room.stood_still() {
        assert_eq!(told, [(3, true), (3, true), (2, false), (0, false)]);
        assert_eq!(departed, 8);
    }
}

/// An expiry tick removes active places that are past their end, too, and leaves the others.
pub async fn an_expiry_tick_removes_active_places<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_capacity(10)).await;
    for name in ["ann", "ben"] {
        let ticket = room.walk_in(name).await;
        room.pass_gate(&ticket, super::hold_for(60)).await;
    }
    room.pass(minutes(9)).await;
    let cat = room.walk_in("cat").await;
    room.pass_gate(&cat, super::hold_for(60)).await;
    room.pass(minutes(2)).await;
    let report = room.expire(ALL).await;
    assert_eq!((report.done, report.more, report.active), (2, false, 1));
    assert_eq!(report.departed, 0, "none of them ever waited");
    room.find(&cat).await;
}

/// An expiry tick admits nobody.
pub async fn an_expiry_tick_admits_nobody<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    room.switch(PolicyState::Open).await;
    assert_eq!(room.tidy().await.done, 0);
    assert!(room.waits(&ann).await);
}

/// Everybody who stopped waiting has departed: admitted, left or not heard of. Who walked in has not.
pub async fn everybody_who_stopped_waiting_has_departed<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    let ann = room.walk_in("ann").await;
    assert_eq!(room.tidy().await.departed, 0);
    let line = room.all_line_up(&["ben", "cat", "dan"]).await;
    room.go(&line[1]).await;
    assert_eq!(room.tidy().await.departed, 1);
    room.go(&ann).await;
    assert_eq!(room.tidy().await.departed, 1);
    room.pass(minutes(61)).await;
    let report = room.admit(ALL).await;
    assert_eq!((report.departed, report.waiting), (2, 1));
    room.go(&line[0]).await;
    room.serve(WAITING_TTL).await;
    let report = room.tidy().await;
    assert_eq!((report.departed, report.waiting), (3, 0));
}

/// A tick reports the throughput of the policy and the window that runs under it.
pub async fn a_tick_reports_throughput_and_window<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(3)).await;
    let throughput = by_rate(3).throughput;
    let report = room.expire(1).await;
    assert_eq!((report.throughput, report.window), (throughput, None));
    let ann = room.walk_in("ann").await;
    room.walk_in("ben").await;
    room.walk_in("cat").await;
    room.line_up("dan").await;
    for report in [room.admit(1).await, room.expire(1).await] {
        assert_eq!(report.throughput, throughput);
        let window = report.window.expect("a window");
        assert_eq!(
            (window.admitted, Some(window.interval)),
            (3, throughput.map(|per| per.interval))
        );
        assert_eq!(window.start, ann.arrival.at());
    }
    room.change(|policy| *policy = by_capacity(5)).await;
    let report = room.admit(1).await;
    assert_eq!((report.throughput, report.window), (None, None));
}

/// A tick reports how many users were admitted from the line; users who found no line are none of
/// them.
pub async fn a_tick_reports_how_many_were_admitted_from_the_line<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    room.walk_in("ann").await;
    room.all_line_up(&["ben", "cat"]).await;
    assert_eq!(room.admit(ALL).await.admitted, 0);
    room.pass(minutes(61)).await;
    assert_eq!(room.admit(ALL).await.admitted, 1);
    assert_eq!(room.expire(ALL).await.admitted, 1);
}

/// A queue is busy while anybody has a place in it, and not before.
pub async fn a_queue_is_busy_while_anybody_has_a_place<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    assert!(!room.is_busy().await);
    let ann = room.walk_in("ann").await;
    assert!(room.is_busy().await);
    let ben = room.line_up("ben").await;
    room.tidy().await;
    room.go(&ann).await;
    room.tidy().await;
    assert!(room.is_busy().await);
    room.pass(minutes(61)).await;
    assert_eq!(room.admit_all().await, 1);
    assert!(!room.waits(&ben).await);
    assert!(room.is_busy().await);
}

/// A queue that everybody has left long ago is not busy any more, and becomes so again.
pub async fn a_queue_that_all_have_left_is_not_busy_for_ever<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    room.go(&ann).await;
    for _ in 0..2 {
        room.pass(minutes(24 * 60)).await;
        room.tidy().await;
        room.admit_all().await;
    }
    assert!(!room.is_busy().await);
    room.line_up("ben").await;
    assert!(room.is_busy().await);
}
