//! Promise 6: when a waiting place ends.

use frontrow_domain::{
    model::queue::{GatePurpose, JoinRefusal},
    ports::{JoinOutcome, LookUpOutcome},
};

use super::{ALL, QueueFixture, Room, WAITING_TTL, by_rate, paused, seconds};

/// Who was not heard of for the waiting time to live is gone.
pub async fn who_is_not_heard_of_is_gone<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    room.serve(WAITING_TTL).await;
    room.is_gone(&ann).await;
    assert_eq!(room.tidy().await.waiting, 0);
}

/// Such a place is gone though no tick has removed it: for its user,
pub async fn an_ended_place_is_gone_before_any_tick<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    room.serve_past(WAITING_TTL).await;
    let looked_up = room.look_up(&ann).await;
    if room.is_served(looked_up.as_of) {
        assert_eq!(looked_up.value, LookUpOutcome::Gone);
        room.is_gone(&ann).await;
    }
}

/// while a count that a tick shows may include it until it is removed,
pub async fn an_ended_place_counts_at_most_until_it_is_removed<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    room.all_line_up(&["ann", "ben", "cat"]).await;
    room.serve_past(WAITING_TTL).await;
    let report = room.expire(1).await;
    if !room.stood_still() {
        assert_eq!((report.done, report.more), (1, true));
        assert!(report.waiting <= 2, "{report:?}");
        assert_eq!(room.tidy().await.waiting, 0);
    }
}

/// and so may the limit of users who wait,
pub async fn a_removed_place_does_not_fill_the_queue<F: QueueFixture>(fixture: F) {
    let mut policy = paused();
    policy.max_waiting = Some(2);
    let mut room = Room::open(fixture, policy).await;
    room.line_up("ann").await;
    room.serve(WAITING_TTL / 2).await;
    room.line_up("ben").await;
    assert_eq!(room.refused("cat").await, JoinRefusal::Full);
    room.serve_past(WAITING_TTL / 2).await;
    room.tidy().await;
    let joined = room.join("cat").await;
    if room.is_served(joined.as_of) {
        assert!(matches!(joined.value, JoinOutcome::Joined(_)), "{joined:?}");
        assert_eq!(room.refused("dan").await, JoinRefusal::Full);
    }
}

/// and for whoever joins: its user gets a new place at the end of the line.
pub async fn who_was_gone_joins_anew<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let old = room.line_up("ann").await;
    room.serve(WAITING_TTL / 2).await;
    let ben = room.line_up("ben").await;
    room.serve_past(WAITING_TTL / 2).await;
    let joined = room.join_showing(&old).await;
    if !room.is_served(joined.as_of) {
        return;
    }
    let JoinOutcome::Joined(new) = joined.value else {
        panic!("ann's place was over: {joined:?}");
    };
    assert!(new.ticket.arrival > ben.arrival);
    room.is_gone(&old).await;
}

/// A look-up is a sign of life.
pub async fn looking_up_keeps_a_place<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    let silent = room.line_up("ben").await;
    for _ in 0..3 {
        room.serve(WAITING_TTL / 2).await;
        room.find(&ann).await;
    }
    if !room.stood_still() {
        room.is_gone(&silent).await;
    }
}

/// However soon one comes after another, the place lives its whole time from the last one on.
pub async fn each_look_up_counts<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    room.serve(WAITING_TTL / 10).await;
    room.find(&ann).await;
    room.serve(WAITING_TTL * 19 / 20).await;
    room.find(&ann).await;
    room.serve(WAITING_TTL / 10).await;
    room.gate(&ann, GatePurpose::Browse).await;
    room.serve(WAITING_TTL * 19 / 20).await;
    assert_eq!(room.tidy().await.waiting, 1);
    room.find(&ann).await;
}

/// So is the gate, though it does not let one through.
pub async fn the_gate_keeps_a_waiting_place<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    for _ in 0..3 {
        room.serve(WAITING_TTL / 2).await;
        room.gate(&ann, GatePurpose::Browse).await;
    }
    assert_eq!(room.tidy().await.waiting, 1);
    room.find(&ann).await;
}

/// So is joining again.
pub async fn joining_again_keeps_a_waiting_place<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    for _ in 0..3 {
        room.serve(WAITING_TTL / 2).await;
        assert_eq!(room.held(&ann).await.ticket, ann);
    }
    assert_eq!(room.tidy().await.waiting, 1);
}

/// An admission tick passes over heads that are past their end, and uses no room up for them: the
/// first living one is admitted.
pub async fn an_ended_head_does_not_hold_up_the_line<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let gone = room.all_line_up(&["ann", "ben"]).await;
    room.serve(WAITING_TTL / 2).await;
    let line = room.all_line_up(&["cat", "dan"]).await;
    room.change(|policy| *policy = by_rate(1)).await;
    room.serve_past(WAITING_TTL / 2).await;
    let mut report = room.admit(ALL).await;
    while report.more {
        report = room.admit(ALL).await;
    }
    if room.stood_still() {
        return;
    }
    assert_eq!((report.active, report.admitted), (1, 1));
    let report = room.tidy().await;
    assert_eq!((report.active, report.waiting), (1, 1));
    assert_eq!(report.departed, 3, "two gave up, one was admitted");
    room.is_gone(&gone[1]).await;
    assert!(!room.waits(&line[0]).await);
    assert!(room.waits(&line[1]).await);
}

/// A place past its end that admission has passed is gone for good, also where a break of service moves
/// deadlines on: whoever joins after it finds nobody waiting.
pub async fn a_passed_place_does_not_come_back<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    room.serve(WAITING_TTL / 2).await;
    let ben = room.line_up("ben").await;
    room.serve_past(WAITING_TTL / 2).await;
    room.change(|policy| *policy = by_rate(5)).await;
    room.admit_all().await;
    if room.stood_still() {
        return;
    }
    assert!(!room.waits(&ben).await);
    room.pass(seconds(10)).await;
    room.is_gone(&ann).await;
    room.walk_in("cat").await;
}
