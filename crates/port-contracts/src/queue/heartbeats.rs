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
    pub(crate) async fn record_heartbeats(
        &self,
        heartbeats: &[Heartbeat],
    ) -> Vec<Stamped<LookUpOutcome>> {
        let found = self
            .ports
            .line
            .record_heartbeats(self.concert, heartbeats)
            .await;
        let found = found.expect("record heartbeats");
        assert_eq!(found.len(), heartbeats.len());
        found
    }

    /// Records a heartbeat. Returns the place that it belongs to.
    async fn record_heartbeat(&self, ticket: &Ticket, at: Timestamp) -> Stamped<LookUpOutcome> {
        self.record_heartbeats(&[heartbeat(ticket, at)])
            .await
            .remove(0)
    }
}

/// Returns a heartbeat of the user of a ticket.
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
    let line = queue.all_join_line(&["ann", "ben"]).await;
    for _ in 0..3 {
        queue.serve(WAITING_TTL / 2).await;
        let now = queue.now().await;
        queue.record_heartbeat(&line[0], now).await;
    }
    if !queue.was_interrupted() {
        queue.assert_gone(&line[1]).await;
    }
    assert_eq!(queue.in_line(&line[0]).await.0, 1);
}

/// Recording a heartbeat returns its place, as a look-up would. So an instance need not also look
/// the user up.
pub async fn recording_a_heartbeat_returns_its_place<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben", "cleo"]).await;
    let now = queue.now().await;
    let heartbeats: Vec<_> = line
        .iter()
        .rev()
        .map(|ticket| heartbeat(ticket, now))
        .collect();
    let places = queue.record_heartbeats(&heartbeats).await;
    for (ticket, place) in line.iter().rev().zip(places) {
        let found = queue.find(ticket).await;
        assert_eq!(place.value, LookUpOutcome::Found(found));
    }
    queue.leave_place(&line[0]).await;
    let left = queue.record_heartbeat(&line[0], now).await;
    assert_eq!(left.value, LookUpOutcome::Gone);
    // A heartbeat older than the last one changes nothing. Its place is returned too.
    let place = queue.record_heartbeat(&line[2], now - seconds(1)).await;
    let found = queue.find(&line[2]).await;
    assert_eq!(place.value, LookUpOutcome::Found(found));
}

/// The deadline of a place counts from the instant of the heartbeat, not from the time of
/// recording.
pub async fn a_heartbeat_counts_from_its_own_instant<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    queue.serve(WAITING_TTL / 3).await;
    let heard_at = queue.now().await;
    queue.serve(WAITING_TTL / 2).await;
    queue.record_heartbeat(&line[0], heard_at).await;
    queue.serve(WAITING_TTL / 3).await;
    if queue.was_interrupted() {
        return;
    }
    assert_eq!(
        queue.expire_all().await.waiting,
        1,
        "ann waits, ben is gone"
    );
    queue.serve(WAITING_TTL / 3).await;
    if !queue.was_interrupted() {
        queue.assert_gone(&line[0]).await;
    }
}

/// A heartbeat older than the last one in the store does not shorten the life of a place.
pub async fn an_older_heartbeat_does_not_shorten_a_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    let early = queue.now().await;
    queue.serve(WAITING_TTL / 2).await;
    queue.find(&ann).await;
    queue.record_heartbeat(&ann, early).await;
    queue.serve(WAITING_TTL * 2 / 3).await;
    assert_eq!(queue.expire_all().await.waiting, 1);
    queue.find(&ann).await;
}

/// The latest of several heartbeats of one place counts. The order in which they are recorded does
/// not matter.
pub async fn the_latest_of_several_heartbeats_counts<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    let early = queue.now().await;
    queue.serve(WAITING_TTL / 2).await;
    let late = queue.now().await;
    queue
        .record_heartbeats(&[heartbeat(&ann, late), heartbeat(&ann, early)])
        .await;
    queue.record_heartbeat(&ann, early).await;
    queue.serve(WAITING_TTL * 2 / 3).await;
    assert_eq!(queue.expire_all().await.waiting, 1);
}

/// A heartbeat from the store's future counts from now. An instance whose clock is ahead does not
/// prolong a place.
pub async fn a_heartbeat_from_the_future_counts_from_now<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    let ahead = queue.now().await + minutes(60);
    queue.record_heartbeat(&ann, ahead).await;
    queue.serve(WAITING_TTL).await;
    if !queue.was_interrupted() {
        queue.assert_gone(&ann).await;
    }
}

/// A heartbeat that is recorded after its place has expired is too late, though no tick has removed
/// the place.
pub async fn a_late_heartbeat_revives_no_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.serve(WAITING_TTL / 2).await;
    let heard_at = queue.now().await;
    queue.serve_past(WAITING_TTL / 2).await;
    let found = queue.record_heartbeat(&ann, heard_at).await;
    if queue.is_served(found.as_of) {
        assert_eq!(found.value, LookUpOutcome::Gone);
        queue.assert_gone(&ann).await;
        assert_eq!(queue.expire_all().await.waiting, 0);
    }
}

/// A heartbeat belongs to one place. It does nothing for a later place of the same user, nor for a
/// user who never joined.
pub async fn a_heartbeat_of_another_place_changes_nothing<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let old = queue.join_line("ann").await;
    queue.leave_place(&old).await;
    let new = queue.join_line("ann").await;
    queue.serve(WAITING_TTL / 2).await;
    let now = queue.now().await;
    for ticket in [old, queue.ticket("stranger", 7)] {
        let found = queue.record_heartbeat(&ticket, now).await;
        assert_eq!(found.value, LookUpOutcome::Gone);
    }
    queue.serve(WAITING_TTL / 2).await;
    if !queue.was_interrupted() {
        queue.assert_gone(&new).await;
        assert_eq!(queue.expire_all().await.waiting, 0);
    }
}

/// A heartbeat changes nothing for an active place. It neither claims nor extends it.
pub async fn a_heartbeat_of_an_active_place_changes_nothing<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    let ann = queue.join_active("ann").await;
    let before = queue.find(&ann).await;
    let found = queue.record_heartbeat(&ann, queue.now().await).await;
    assert_eq!(found.value, LookUpOutcome::Found(before.clone()));
    assert_eq!(queue.find(&ann).await, before);
}

/// The largest number of heartbeats in one call is recorded in full.
pub async fn the_largest_batch_of_heartbeats_is_recorded<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(40).await;
    queue.serve(WAITING_TTL / 2).await;
    let now = queue.now().await;
    let strangers = (40..Heartbeat::BATCH_MAX)
        .map(|number| heartbeat(&queue.ticket(&format!("stranger-{number}"), 7), now));
    let loud = line.iter().step_by(2).map(|ticket| heartbeat(ticket, now));
    let heartbeats: Vec<_> = strangers.chain(loud).collect();
    let found = queue.record_heartbeats(&heartbeats).await;
    let gone = Heartbeat::BATCH_MAX - 40;
    for (number, found) in found.iter().enumerate() {
        let is_gone = found.value == LookUpOutcome::Gone;
        assert_eq!(is_gone, number < gone, "{number}: {found:?}");
    }
    queue.record_heartbeats(&[]).await;
    queue.serve(WAITING_TTL * 2 / 3).await;
    if !queue.was_interrupted() {
        assert_eq!(queue.expire_all().await.waiting, 20);
    }
    for ticket in line.iter().step_by(2) {
        queue.find(ticket).await;
    }
}

/// Recorded heartbeats are no ticks: without ticks no place expires.
pub async fn recorded_heartbeats_do_not_count_as_service<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    for _ in 0..WAITING_TTL.as_secs() / 3 {
        queue.pass(seconds(4)).await;
        let now = queue.now().await;
        queue.record_heartbeat(&line[0], now).await;
    }
    assert_eq!(queue.in_line(&line[1]).await.0, 2);
}
