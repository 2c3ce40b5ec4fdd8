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

/// A policy that admits at most `max_active` users at once, and passes over absent users.
fn of_present(max_active: u32) -> QueuePolicy {
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
    let mut policy = of_present(2);
    policy.state = PolicyState::Paused;
    let mut queue = ContractQueue::open(fixture, policy).await;
    let line = queue.all_line_up(names).await;
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

/// Returns true for each user of `line` who waits. The call is a heartbeat.
async fn who_waits<F: QueueFixture>(queue: &ContractQueue<F>, line: &[Ticket]) -> Vec<bool> {
    let mut waits = Vec::new();
    for ticket in line {
        waits.push(queue.waits(ticket).await);
    }
    waits
}

/// Half of a line is silent. The others are admitted in order, and fill the whole capacity.
pub async fn absent_users_take_no_room<F: QueueFixture>(fixture: F) {
    let names = ["ann", "ben", "cat", "dan", "eve"];
    let (mut queue, line) = line_of(fixture, &names, &["ben", "dan", "eve"]).await;
    let report = queue.admit(ALL).await;
    if queue.stood_still() {
        return;
    }
    assert_eq!((report.done, report.active), (2, 2));
    assert_eq!((report.waiting, report.aside, report.more), (3, 2, false));
    let seen = queue.see().await;
    assert_eq!(seen.admitted_up_to, Some(line[3].arrival));
    assert_eq!((seen.waiting, seen.admitted), (3, 2));
    assert_eq!(
        who_waits(&queue, &line).await,
        [true, false, true, false, true]
    );
}

/// However long the silent part of a line is, repeated attempts reach the users behind it.
pub async fn a_long_silent_line_holds_up_nobody<F: QueueFixture>(fixture: F) {
    let mut policy = of_present(2);
    policy.state = PolicyState::Paused;
    let mut queue = ContractQueue::open(fixture, policy).await;
    for number in 0..60 {
        queue.line_up(&format!("silent-{number}")).await;
    }
    queue.serve(ABSENCE + seconds(1)).await;
    let present = queue.all_line_up(&["ann", "ben", "cat"]).await;
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    let mut report = queue.admit(7).await;
    while report.more {
        report = queue.admit(7).await;
    }
    if queue.stood_still() {
        return;
    }
    assert_eq!((report.active, report.aside, report.waiting), (2, 60, 61));
    assert_eq!(who_waits(&queue, &present).await, [false, false, true]);
}

/// Any call of a user who stands aside, or a recorded heartbeat of theirs, gives them the next free
/// place, before all users who arrived later.
pub async fn who_returns_is_next<F: QueueFixture>(fixture: F) {
    let names = ["ann", "ben", "cat", "dan", "eve", "fay", "gil"];
    let (mut queue, line) = line_of(fixture, &names, &["eve", "fay", "gil"]).await;
    assert_eq!(queue.admit_all().await, 2);
    if queue.stood_still() {
        return;
    }
    // In reverse order: they are admitted in the order of arrival all the same.
    let [ann, ben, cat, dan, eve, fay, gil] = <[Ticket; 7]>::try_from(line).expect("seven");
    queue.gate(&dan, GatePurpose::Browse).await;
    assert_eq!(queue.held(&cat).await.ticket, cat);
    let now = queue.now().await;
    queue.tell(&[heartbeat(&ben, now)]).await;
    queue.find(&ann).await;
    let late = queue.line_up("late").await;
    queue.go(&eve).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&ann).await);
    queue.go(&fay).await;
    queue.go(&ann).await;
    assert_eq!(queue.admit_all().await, 2);
    let rest = [ben, cat, dan, gil, late];
    assert_eq!(
        who_waits(&queue, &rest).await,
        [false, false, true, true, true]
    );
    queue.go(&rest[0]).await;
    queue.go(&rest[1]).await;
    let report = queue.admit(ALL).await;
    assert_eq!((report.done, report.aside, report.waiting), (2, 0, 1));
    assert!(queue.waits(&rest[4]).await);
}

/// A user who returned and falls silent again stands aside again.
pub async fn who_returned_may_stand_aside_again<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben", "cat", "dan"], &["ben", "cat"]).await;
    assert_eq!(queue.admit_all().await, 2);
    assert!(queue.waits(&line[0]).await);
    queue.serve(ABSENCE + seconds(1)).await;
    queue.find(&line[3]).await;
    queue.go(&line[1]).await;
    let report = queue.admit(ALL).await;
    if queue.stood_still() {
        return;
    }
    assert_eq!((report.done, report.aside, report.waiting), (1, 1, 1));
    assert!(queue.waits(&line[0]).await);
    queue.go(&line[2]).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&line[0]).await);
}

/// Users who stand aside wait. They are counted, and no user behind them gets a position that grows
/// when they return.
pub async fn standing_aside_is_waiting<F: QueueFixture>(fixture: F) {
    let names = ["ann", "ben", "cat", "dan", "eve"];
    let (mut queue, line) = line_of(fixture, &names, &["cat", "dan", "eve"]).await;
    assert_eq!(queue.admit_all().await, 2);
    queue.change(|policy| policy.max_waiting = Some(3)).await;
    assert_eq!(queue.refused("fay").await, JoinRefusal::Full);
    if queue.stood_still() {
        return;
    }
    assert_eq!(queue.in_line(&line[4]).await, (3, 0));
    for returning in [1, 0] {
        assert!(queue.waits(&line[returning]).await);
        assert_eq!(queue.in_line(&line[4]).await, (3, 0));
    }
    queue.go(&line[0]).await;
    queue.go(&line[2]).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&line[1]).await);
    // A position may count ann, who has left.
    assert!(queue.in_line(&line[4]).await.0 <= 2);
}

/// If all waiting users stand aside, there is no line for a user who joins.
pub async fn users_who_stand_aside_are_no_line<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben", "cat"], &["cat"]).await;
    assert_eq!(queue.admit_all().await, 1);
    if queue.stood_still() {
        return;
    }
    queue.walk_in("dan").await;
    queue.go(&line[2]).await;
    assert!(queue.waits(&line[1]).await);
    // Now there is a line.
    queue.line_up("eve").await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&line[1]).await);
}

/// The place of a user who stands aside expires like any other, by its last heartbeat.
pub async fn a_place_aside_ends_in_time<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben", "cat"], &["cat"]).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(queue.waits(&line[1]).await);
    queue.serve(WAITING_TTL.saturating_sub(ABSENCE)).await;
    let report = queue.tidy().await;
    if queue.stood_still() {
        return;
    }
    assert_eq!(report.waiting, 1);
    queue.is_gone(&line[0]).await;
    assert!(queue.waits(&line[1]).await);
}

/// Users who stand aside may leave, and join again at the end of the line.
pub async fn who_stands_aside_may_leave<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben", "cat"], &["cat"]).await;
    assert_eq!(queue.admit_all().await, 1);
    queue.go(&line[0]).await;
    assert_eq!(queue.tidy().await.waiting, 1);
    queue.is_gone(&line[0]).await;
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
    assert_eq!(who_waits(&queue, &line).await, [false; 5]);
}

/// A queue in which all users stand aside is not empty.
pub async fn a_queue_with_users_aside_is_not_empty<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben"], &[]).await;
    let report = queue.admit(ALL).await;
    if queue.stood_still() {
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
pub async fn who_returns_after_a_step_back_is_next<F: QueueFixture>(fixture: F) {
    let names = ["ann", "ben", "cat", "dan"];
    let (mut queue, line) = line_of(fixture, &names, &["ben", "cat", "dan"]).await;
    assert_eq!(queue.admit_all().await, 2);
    if queue.stood_still() {
        return;
    }
    queue.step_back(seconds(40)).await;
    assert!(queue.waits(&line[0]).await);
    queue.go(&line[1]).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&line[0]).await);
    assert!(queue.waits(&line[3]).await);
}

/// Time without service makes no user absent.
pub async fn time_without_service_makes_nobody_absent<F: QueueFixture>(fixture: F) {
    let mut policy = of_present(2);
    policy.state = PolicyState::Paused;
    let mut queue = ContractQueue::open(fixture, policy).await;
    let line = queue.all_line_up(&["ann", "ben"]).await;
    queue.pass(ABSENCE * 3).await;
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    let report = queue.admit(ALL).await;
    assert_eq!((report.done, report.aside), (2, 0));
    assert_eq!(who_waits(&queue, &line).await, [false, false]);
}

/// A heartbeat that an instance records late counts from its own instant.
pub async fn a_heartbeat_told_late_keeps_a_user_present<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben"], &[]).await;
    let heard_at = queue.now().await - SignedDuration::from_secs(10);
    queue.tell(&[heartbeat(&line[0], heard_at)]).await;
    let report = queue.admit(ALL).await;
    if queue.stood_still() {
        return;
    }
    assert_eq!((report.done, report.aside), (1, 1));
    assert!(!queue.waits(&line[0]).await);
}

/// A policy may turn standing aside off, or set how long users may be silent.
pub async fn a_policy_says_who_is_absent<F: QueueFixture>(fixture: F) {
    let (mut queue, line) = line_of(fixture, &["ann", "ben"], &[]).await;
    queue
        .change(|policy| policy.absent_after = Some(ABSENCE * 2))
        .await;
    let report = queue.admit(ALL).await;
    assert_eq!((report.done, report.aside), (2, 0));
    assert_eq!(who_waits(&queue, &line).await, [false, false]);
}
