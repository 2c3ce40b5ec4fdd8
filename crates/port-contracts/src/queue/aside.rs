//! Promise 2: absent users stand aside, and lose no turn to a user who arrived later.

use std::time::Duration;

use frontrow_domain::{
    model::queue::{GatePurpose, JoinRefusal, PolicyState, QueuePolicy, Ticket},
    ports::{JoinOutcome, RemoveOutcome},
};
use jiff::SignedDuration;

use super::{ALL, ContractQueue, QueueFixture, heartbeats::heartbeat, seconds};
use crate::policies::{self, WAITING_TTL};

/// A user without a heartbeat for longer than this is absent.
const ABSENCE: Duration = Duration::from_secs(15);

/// Returns a policy that admits at most `max_active` users at once, and passes over absent users.
fn passing_over_absent(max_active: u32) -> QueuePolicy {
    QueuePolicy {
        absent_after: Some(ABSENCE),
        ..policies::capacity(max_active)
    }
}

/// Returns a paused queue and a line in it. Only the `present` users have sent a heartbeat lately.
async fn line_of<F: QueueFixture>(
    fixture: F,
    names: &[&str],
    present: &[&str],
) -> (ContractQueue<F>, Vec<Ticket>) {
    let mut policy = passing_over_absent(2);
    policy.state = PolicyState::Paused;
    let mut queue = ContractQueue::open(fixture, policy).await;
    let line = queue.all_join_line(names).await;
    queue.serve(ABSENCE + seconds(1)).await;
    for ticket in &line {
        if present.contains(&ticket.user.as_str()) {
            queue.find(ticket).await;
        }
    }
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    (queue, line)
}

/// Returns for each user of `line` whether they wait. The call is a heartbeat.
async fn are_waiting<F: QueueFixture>(queue: &ContractQueue<F>, line: &[Ticket]) -> Vec<bool> {
    let mut waits = Vec::new();
    for ticket in line {
        waits.push(queue.waits(ticket).await);
    }
    waits
}

/// Half of the users in a line are absent. The others are admitted in order, and fill the whole
/// capacity.
pub async fn absent_users_take_no_room<F: QueueFixture>(fixture: F) {
    let names = ["ann", "ben", "cat", "dan", "eve"];
    let (mut queue, line) = line_of(fixture, &names, &["ben", "dan", "eve"]).await;
    let report = queue.admit(ALL).await;
    if queue.was_interrupted() {
        return;
    }
    assert_eq!((report.done, report.active), (2, 2));
    assert_eq!((report.waiting, report.aside, report.more), (3, 2, false));
    let snapshot = queue.snapshot().await;
    assert_eq!(snapshot.admitted_up_to, Some(line[3].arrival));
    assert_eq!((snapshot.waiting, snapshot.admitted), (3, 2));
    assert_eq!(
        are_waiting(&queue, &line).await,
        [true, false, true, false, true]
    );
}

/// Repeated ticks reach the users behind any number of absent users.
pub async fn absent_users_do_not_hold_up_the_users_behind_them<F: QueueFixture>(fixture: F) {
    let mut policy = passing_over_absent(2);
    policy.state = PolicyState::Paused;
    let mut queue = ContractQueue::open(fixture, policy).await;
    for number in 0..60 {
        queue.join_line(&format!("silent-{number}")).await;
    }
    queue.serve(ABSENCE + seconds(1)).await;
    let present = queue.all_join_line(&["ann", "ben", "cat"]).await;
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    let mut report = queue.admit(7).await;
    while report.more {
        report = queue.admit(7).await;
    }
    if queue.was_interrupted() {
        return;
    }
    assert_eq!((report.active, report.aside, report.waiting), (2, 60, 61));
    assert_eq!(are_waiting(&queue, &present).await, [false, false, true]);
}

/// A user who stands aside returns with any call, or with a recorded heartbeat. They get the next
/// free place, before all users who arrived later.
pub async fn a_user_who_returns_is_next_in_line<F: QueueFixture>(fixture: F) {
    let names = ["ann", "ben", "cat", "dan", "eve", "fay", "gil"];
    let (mut queue, line) = line_of(fixture, &names, &["eve", "fay", "gil"]).await;
    assert_eq!(queue.admit_all().await, 2);
    if queue.was_interrupted() {
        return;
    }
    // They return in reverse order, and are admitted in the order of arrival.
    let [ann, ben, cat, dan, eve, fay, gil] = <[Ticket; 7]>::try_from(line).expect("seven");
    queue.gate(&dan, GatePurpose::Browse).await;
    assert_eq!(queue.held(&cat).await.ticket, cat);
    let now = queue.now().await;
    queue.record_heartbeats(&[heartbeat(&ben, now)]).await;
    queue.find(&ann).await;
    let late = queue.join_line("late").await;
    queue.leave_place(&eve).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&ann).await);
    queue.leave_place(&fay).await;
    queue.leave_place(&ann).await;
    assert_eq!(queue.admit_all().await, 2);
    let rest = [ben, cat, dan, gil, late];
    assert_eq!(
        are_waiting(&queue, &rest).await,
        [false, false, true, true, true]
    );
    queue.leave_place(&rest[0]).await;
    queue.leave_place(&rest[1]).await;
    let report = queue.admit(ALL).await;
    assert_eq!((report.done, report.aside, report.waiting), (2, 0, 1));
    assert!(queue.waits(&rest[4]).await);
}

/// A user who returned and becomes absent again stands aside again.
pub async fn a_user_who_returned_may_stand_aside_again<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben", "cat", "dan"], &["ben", "cat"]).await;
    assert_eq!(queue.admit_all().await, 2);
    assert!(queue.waits(&line[0]).await);
    queue.serve(ABSENCE + seconds(1)).await;
    queue.find(&line[3]).await;
    queue.leave_place(&line[1]).await;
    let report = queue.admit(ALL).await;
    if queue.was_interrupted() {
        return;
    }
    assert_eq!((report.done, report.aside, report.waiting), (1, 1, 1));
    assert!(queue.waits(&line[0]).await);
    queue.leave_place(&line[2]).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&line[0]).await);
}

/// Users who stand aside wait, and are counted. When they return, no position behind them grows.
pub async fn users_who_stand_aside_count_as_waiting<F: QueueFixture>(fixture: F) {
    let names = ["ann", "ben", "cat", "dan", "eve"];
    let (mut queue, line) = line_of(fixture, &names, &["cat", "dan", "eve"]).await;
    assert_eq!(queue.admit_all().await, 2);
    queue.change(|policy| policy.max_waiting = Some(3)).await;
    assert_eq!(queue.refused("fay").await, JoinRefusal::Full);
    if queue.was_interrupted() {
        return;
    }
    assert_eq!(queue.in_line(&line[4]).await, (3, 0));
    for returning in [1, 0] {
        assert!(queue.waits(&line[returning]).await);
        assert_eq!(queue.in_line(&line[4]).await, (3, 0));
    }
    queue.leave_place(&line[0]).await;
    queue.leave_place(&line[2]).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&line[1]).await);
    // A position may count ann, who has left.
    assert!(queue.in_line(&line[4]).await.0 <= 2);
}

/// If all waiting users stand aside, there is no line for a user who joins.
pub async fn users_who_stand_aside_are_no_line<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben", "cat"], &["cat"]).await;
    assert_eq!(queue.admit_all().await, 1);
    if queue.was_interrupted() {
        return;
    }
    queue.join_active("dan").await;
    queue.leave_place(&line[2]).await;
    assert!(queue.waits(&line[1]).await);
    // Now there is a line.
    queue.join_line("eve").await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&line[1]).await);
}

/// The place of a user who stands aside expires by its last heartbeat, like any other.
pub async fn the_place_of_a_user_who_stands_aside_expires<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben", "cat"], &["cat"]).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(queue.waits(&line[1]).await);
    queue.serve(WAITING_TTL.saturating_sub(ABSENCE)).await;
    let report = queue.expire_all().await;
    if queue.was_interrupted() {
        return;
    }
    assert_eq!(report.waiting, 1);
    queue.assert_gone(&line[0]).await;
    assert!(queue.waits(&line[1]).await);
}

/// Users who stand aside may leave, and join again at the end of the line.
pub async fn a_user_who_stands_aside_may_leave<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben", "cat"], &["cat"]).await;
    assert_eq!(queue.admit_all().await, 1);
    queue.leave_place(&line[0]).await;
    assert_eq!(queue.expire_all().await.waiting, 1);
    queue.assert_gone(&line[0]).await;
    match queue.join("ann").await.value {
        JoinOutcome::Joined(place) => assert!(place.ticket.arrival > line[2].arrival),
        other => panic!("a new place: {other:?}"),
    }
}

/// Bypass also admits absent users.
pub async fn bypass_admits_absent_users<F: QueueFixture>(fixture: F) {
    let names = ["ann", "ben", "cat", "dan", "eve"];
    let (mut queue, line) = line_of(fixture, &names, &["cat", "dan"]).await;
    assert_eq!(queue.admit_all().await, 2);
    queue
        .change(|policy| policy.state = PolicyState::Bypass)
        .await;
    let report = queue.admit(ALL).await;
    assert_eq!((report.active, report.waiting, report.aside), (5, 0, 0));
    assert_eq!(are_waiting(&queue, &line).await, [false; 5]);
}

/// A queue in which all users stand aside is not empty.
pub async fn a_queue_whose_users_all_stand_aside_is_not_empty<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben"], &[]).await;
    let report = queue.admit(ALL).await;
    if queue.was_interrupted() {
        return;
    }
    assert_eq!((report.done, report.aside), (0, 2));
    let control = &queue.ports.control;
    assert_eq!(control.is_empty(queue.concert).await, Ok(false));
    queue
        .change(|policy| policy.state = PolicyState::Closed)
        .await;
    let removed = queue.ports.control.remove(queue.concert).await;
    assert_eq!(removed, Ok(RemoveOutcome::NotEmpty));
    assert!(queue.waits(&line[0]).await);
}

/// A clock that steps back keeps no user aside.
pub async fn a_user_who_returns_after_a_step_back_is_next_in_line<F: QueueFixture>(fixture: F) {
    let names = ["ann", "ben", "cat", "dan"];
    let (mut queue, line) = line_of(fixture, &names, &["ben", "cat", "dan"]).await;
    assert_eq!(queue.admit_all().await, 2);
    if queue.was_interrupted() {
        return;
    }
    queue.step_back(seconds(40)).await;
    assert!(queue.waits(&line[0]).await);
    queue.leave_place(&line[1]).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&line[0]).await);
    assert!(queue.waits(&line[3]).await);
}

/// Time without service makes no user absent.
pub async fn time_without_service_makes_no_user_absent<F: QueueFixture>(fixture: F) {
    let mut policy = passing_over_absent(2);
    policy.state = PolicyState::Paused;
    let mut queue = ContractQueue::open(fixture, policy).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    queue.pass(ABSENCE * 3).await;
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    let report = queue.admit(ALL).await;
    assert_eq!((report.done, report.aside), (2, 0));
    assert_eq!(are_waiting(&queue, &line).await, [false, false]);
}

/// A heartbeat that an instance records late counts from its own instant.
pub async fn a_heartbeat_recorded_late_keeps_a_user_present<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben"], &[]).await;
    let heard_at = queue.now().await - SignedDuration::from_secs(10);
    queue
        .record_heartbeats(&[heartbeat(&line[0], heard_at)])
        .await;
    let report = queue.admit(ALL).await;
    if queue.was_interrupted() {
        return;
    }
    assert_eq!((report.done, report.aside), (1, 1));
    assert!(!queue.waits(&line[0]).await);
}

/// A policy may turn standing aside off, or set after how long without a heartbeat a user is
/// absent.
pub async fn the_policy_decides_when_a_user_is_absent<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben"], &[]).await;
    queue
        .change(|policy| policy.absent_after = Some(ABSENCE * 2))
        .await;
    let report = queue.admit(ALL).await;
    assert_eq!((report.done, report.aside), (2, 0));
    assert_eq!(are_waiting(&queue, &line).await, [false, false]);
}
