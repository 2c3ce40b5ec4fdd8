//! Heartbeats that are recorded later, with their own instants.

use frontrow_domain::{
    model::queue::{Heartbeat, Ticket},
    ports::{LookUpOutcome, Stamped},
};
use jiff::Timestamp;

use super::{ContractQueue, QueueFixture, minutes, seconds};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    /// Records heartbeats.
    pub(crate) async fn tell(&self, heartbeats: &[Heartbeat]) -> Vec<Stamped<LookUpOutcome>> {
        let found = self
            .ports
            .line
            .record_heartbeats(self.concert, heartbeats)
            .await;
        let found = found.expect("record heartbeats");
        assert_eq!(found.len(), heartbeats.len());
        found
    }

    /// Records a heartbeat. Returns where its place is then.
    async fn heard(&self, ticket: &Ticket, at: Timestamp) -> Stamped<LookUpOutcome> {
        self.tell(&[heartbeat(ticket, at)]).await.remove(0)
    }
}

/// A heartbeat of the user of a ticket.
pub(crate) fn heartbeat(ticket: &Ticket, at: Timestamp) -> Heartbeat {
    Heartbeat {
        user: ticket.user.clone(),
        arrival: ticket.arrival,
        at,
    }
}

/// A recorded heartbeat keeps a place, as a look-up would. Heartbeats of other users do not.
pub async fn a_recorded_heartbeat_keeps_a_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_line_up(&["ann", "ben"]).await;
    for _ in 0..3 {
        queue.serve(WAITING_TTL / 2).await;
        let now = queue.now().await;
        queue.heard(&line[0], now).await;
    }
    if !queue.stood_still() {
        queue.is_gone(&line[1]).await;
    }
    assert_eq!(queue.in_line(&line[0]).await.0, 1);
}

/// A recorded heartbeat is answered with its place, as a look-up would be. So an instance need not
/// look the same user up again.
pub async fn a_recorded_heartbeat_is_answered_with_its_place<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_line_up(&["ann", "ben", "cleo"]).await;
    let now = queue.now().await;
    let heartbeats: Vec<_> = line
        .iter()
        .rev()
        .map(|ticket| heartbeat(ticket, now))
        .collect();
    let told = queue.tell(&heartbeats).await;
    for (ticket, told) in line.iter().rev().zip(told) {
        let found = queue.find(ticket).await;
        assert_eq!(told.value, LookUpOutcome::Found(found));
    }
    queue.go(&line[0]).await;
    let left = queue.heard(&line[0], now).await;
    assert_eq!(left.value, LookUpOutcome::Gone);
    // A heartbeat older than the last one changes nothing, and is answered all the same.
    let told = queue.heard(&line[2], now - seconds(1)).await;
    let found = queue.find(&line[2]).await;
    assert_eq!(told.value, LookUpOutcome::Found(found));
}

/// The deadline of a place counts from the instant of the heartbeat, not from the time of
/// recording.
pub async fn a_heartbeat_counts_from_its_own_instant<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_line_up(&["ann", "ben"]).await;
    queue.serve(WAITING_TTL / 3).await;
    let heard_at = queue.now().await;
    queue.serve(WAITING_TTL / 2).await;
    queue.heard(&line[0], heard_at).await;
    queue.serve(WAITING_TTL / 3).await;
    if queue.stood_still() {
        return;
    }
    assert_eq!(queue.tidy().await.waiting, 1, "ann waits, ben is gone");
    queue.serve(WAITING_TTL / 3).await;
    if !queue.stood_still() {
        queue.is_gone(&line[0]).await;
    }
}

/// A heartbeat older than the last one in the store does not shorten the life of a place.
pub async fn an_older_heartbeat_takes_nothing_back<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    let early = queue.now().await;
    queue.serve(WAITING_TTL / 2).await;
    queue.find(&ann).await;
    queue.heard(&ann, early).await;
    queue.serve(WAITING_TTL * 2 / 3).await;
    assert_eq!(queue.tidy().await.waiting, 1);
    queue.find(&ann).await;
}

/// The latest of several heartbeats of one place counts, in whichever order they are recorded.
pub async fn the_latest_of_several_heartbeats_counts<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    let early = queue.now().await;
    queue.serve(WAITING_TTL / 2).await;
    let late = queue.now().await;
    queue
        .tell(&[heartbeat(&ann, late), heartbeat(&ann, early)])
        .await;
    queue.heard(&ann, early).await;
    queue.serve(WAITING_TTL * 2 / 3).await;
    assert_eq!(queue.tidy().await.waiting, 1);
}

/// A heartbeat from the store's future counts from now. A clock that is ahead does not let a user
/// live longer.
pub async fn a_heartbeat_from_the_future_counts_from_now<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    let ahead = queue.now().await + minutes(60);
    queue.heard(&ann, ahead).await;
    queue.serve(WAITING_TTL).await;
    if !queue.stood_still() {
        queue.is_gone(&ann).await;
    }
}

/// A heartbeat that is recorded after its place has expired is too late, though no tick has removed
/// the place.
pub async fn a_late_heartbeat_revives_no_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    queue.serve(WAITING_TTL / 2).await;
    let heard_at = queue.now().await;
    queue.serve_past(WAITING_TTL / 2).await;
    let found = queue.heard(&ann, heard_at).await;
    if queue.is_served(found.as_of) {
        assert_eq!(found.value, LookUpOutcome::Gone);
        queue.is_gone(&ann).await;
        assert_eq!(queue.tidy().await.waiting, 0);
    }
}

/// A heartbeat belongs to one place. It does nothing for a later place of the same user, nor for a
/// user who never joined.
pub async fn a_heartbeat_of_another_place_changes_nothing<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let old = queue.line_up("ann").await;
    queue.go(&old).await;
    let new = queue.line_up("ann").await;
    queue.serve(WAITING_TTL / 2).await;
    let now = queue.now().await;
    for ticket in [old, queue.ticket("stranger", 7)] {
        let found = queue.heard(&ticket, now).await;
        assert_eq!(found.value, LookUpOutcome::Gone);
    }
    queue.serve(WAITING_TTL / 2).await;
    if !queue.stood_still() {
        queue.is_gone(&new).await;
        assert_eq!(queue.tidy().await.waiting, 0);
    }
}

/// A heartbeat changes nothing for an active place. It neither claims nor extends it.
pub async fn a_heartbeat_of_an_active_place_changes_nothing<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::rate(1)).await;
    let ann = queue.walk_in("ann").await;
    let before = queue.find(&ann).await;
    let found = queue.heard(&ann, queue.now().await).await;
    assert_eq!(found.value, LookUpOutcome::Found(before.clone()));
    assert_eq!(queue.find(&ann).await, before);
}

/// The largest number of heartbeats in one call is recorded in full.
pub async fn many_heartbeats_are_recorded_at_once<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_lines_up(40).await;
    queue.serve(WAITING_TTL / 2).await;
    let now = queue.now().await;
    let strangers = (40..Heartbeat::BATCH_MAX)
        .map(|number| heartbeat(&queue.ticket(&format!("stranger-{number}"), 7), now));
    let loud = line.iter().step_by(2).map(|ticket| heartbeat(ticket, now));
    let heartbeats: Vec<_> = strangers.chain(loud).collect();
    let found = queue.tell(&heartbeats).await;
    let gone = Heartbeat::BATCH_MAX - 40;
    for (number, found) in found.iter().enumerate() {
        let is_gone = found.value == LookUpOutcome::Gone;
        assert_eq!(is_gone, number < gone, "{number}: {found:?}");
    }
    queue.tell(&[]).await;
    queue.serve(WAITING_TTL * 2 / 3).await;
    if !queue.stood_still() {
        assert_eq!(queue.tidy().await.waiting, 20);
    }
    for ticket in line.iter().step_by(2) {
        queue.find(ticket).await;
    }
}

/// Recorded heartbeats are no ticks: without ticks no place expires.
pub async fn recording_heartbeats_serves_no_queue<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_line_up(&["ann", "ben"]).await;
    for _ in 0..WAITING_TTL.as_secs() / 3 {
        queue.pass(seconds(4)).await;
        let now = queue.now().await;
        queue.heard(&line[0], now).await;
    }
    assert_eq!(queue.in_line(&line[1]).await.0, 2);
}
