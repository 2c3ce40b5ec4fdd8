//! Signs of life that are told later, with their own instants.

use frontrow_domain::{
    model::queue::{SignOfLife, Ticket},
    ports::{LookUpOutcome, Stamped},
};
use jiff::Timestamp;

use super::{QueueFixture, Room, WAITING_TTL, by_rate, minutes, paused, seconds};

impl<F: QueueFixture> Room<F> {
    /// Tells the store when people were heard of.
    pub(crate) async fn tell(&self, signs: &[SignOfLife]) -> Vec<Stamped<LookUpOutcome>> {
        let found = self.ports.line.heard_of(self.concert, signs).await;
        let found = found.expect("record heartbeats");
        assert_eq!(found.len(), signs.len());
        found
    }

    /// Tells the store when somebody was heard of. Returns where their place is then.
    async fn heard(&self, ticket: &Ticket, at: Timestamp) -> Stamped<LookUpOutcome> {
        self.tell(&[sign(ticket, at)]).await.remove(0)
    }
}

/// Somebody was heard of.
pub(crate) fn sign(ticket: &Ticket, at: Timestamp) -> SignOfLife {
    SignOfLife {
        user: ticket.user.clone(),
        arrival: ticket.arrival,
        at,
    }
}

/// A sign of life that is told keeps a place, as a look-up would; others' signs do not.
pub async fn a_sign_that_is_told_keeps_a_place<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    for _ in 0..3 {
        room.serve(WAITING_TTL / 2).await;
        let now = room.now().await;
        room.heard(&line[0], now).await;
    }
    if !room.stood_still() {
        room.is_gone(&line[1]).await;
    }
    assert_eq!(room.in_line(&line[0]).await.0, 1);
}

/// A sign is answered with where its place is, as a look-up would be: those who ask one instance
/// need not be looked up again.
pub async fn a_sign_is_answered_with_its_place<F: QueueFixture>(fixture: F) {
    let room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben", "cleo"]).await;
    let now = room.now().await;
    let signs: Vec<_> = line.iter().rev().map(|ticket| sign(ticket, now)).collect();
    let told = room.tell(&signs).await;
    for (ticket, told) in line.iter().rev().zip(told) {
        let found = room.find(ticket).await;
        assert_eq!(told.value, LookUpOutcome::Found(found));
    }
    room.go(&line[0]).await;
    let left = room.heard(&line[0], now).await;
    assert_eq!(left.value, LookUpOutcome::Gone);
    // An older heartbeat than the last changes nothing, and is answered all the same.
    let told = room.heard(&line[2], now - seconds(1)).await;
    let found = room.find(&line[2]).await;
    assert_eq!(told.value, LookUpOutcome::Found(found));
}

/// A place lives on from the instant of the sign, not from when it was told.
pub async fn a_sign_counts_from_its_own_instant<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    room.serve(WAITING_TTL / 3).await;
    let heard_at = room.now().await;
    room.serve(WAITING_TTL / 2).await;
    room.heard(&line[0], heard_at).await;
    room.serve(WAITING_TTL / 3).await;
    if room.stood_still() {
        return;
    }
    assert_eq!(room.tidy().await.waiting, 1, "ann waits, ben is gone");
    room.serve(WAITING_TTL / 3).await;
    if !room.stood_still() {
        room.is_gone(&line[0]).await;
    }
}

/// A sign that is older than what the store knows takes nothing back.
pub async fn an_older_sign_takes_nothing_back<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    let early = room.now().await;
    room.serve(WAITING_TTL / 2).await;
    room.find(&ann).await;
    room.heard(&ann, early).await;
    room.serve(WAITING_TTL * 2 / 3).await;
    assert_eq!(room.tidy().await.waiting, 1);
    room.find(&ann).await;
}

/// Of several signs of one place the latest counts, in whichever order they are told.
pub async fn the_latest_of_several_signs_counts<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    let early = room.now().await;
    room.serve(WAITING_TTL / 2).await;
    let late = room.now().await;
    room.tell(&[sign(&ann, late), sign(&ann, early)]).await;
    room.heard(&ann, early).await;
    room.serve(WAITING_TTL * 2 / 3).await;
    assert_eq!(room.tidy().await.waiting, 1);
}

/// A sign from the store's future counts from now: nobody lives longer by a clock that is ahead.
pub async fn a_sign_from_the_future_counts_from_now<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    let ahead = room.now().await + minutes(60);
    room.heard(&ann, ahead).await;
    room.serve(WAITING_TTL).await;
    if !room.stood_still() {
        room.is_gone(&ann).await;
    }
}

/// A sign that is told when its place is past its end comes too late, though no tick has removed the
/// place.
pub async fn a_late_sign_revives_nobody<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    room.serve(WAITING_TTL / 2).await;
    let heard_at = room.now().await;
    room.serve_past(WAITING_TTL / 2).await;
    let found = room.heard(&ann, heard_at).await;
    if room.is_served(found.as_of) {
        assert_eq!(found.value, LookUpOutcome::Gone);
        room.is_gone(&ann).await;
        assert_eq!(room.tidy().await.waiting, 0);
    }
}

/// A sign is of one place: it does nothing for the place that its user has joined for since, nor for
/// anybody who never joined.
pub async fn a_sign_of_another_place_changes_nothing<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let old = room.line_up("ann").await;
    room.go(&old).await;
    let new = room.line_up("ann").await;
    room.serve(WAITING_TTL / 2).await;
    let now = room.now().await;
    for ticket in [old, room.ticket("stranger", 7)] {
        let found = room.heard(&ticket, now).await;
        assert_eq!(found.value, LookUpOutcome::Gone);
    }
    room.serve(WAITING_TTL / 2).await;
    if !room.stood_still() {
        room.is_gone(&new).await;
        assert_eq!(room.tidy().await.waiting, 0);
    }
}

/// A sign does nothing to an active place: it neither claims nor extends it.
pub async fn a_sign_of_who_is_active_changes_nothing<F: QueueFixture>(fixture: F) {
    let room = Room::open(fixture, by_rate(1)).await;
    let ann = room.walk_in("ann").await;
    let before = room.find(&ann).await;
    let found = room.heard(&ann, room.now().await).await;
    assert_eq!(found.value, LookUpOutcome::Found(before.clone()));
    assert_eq!(room.find(&ann).await, before);
}

/// As many signs as may be told at once are all noted.
pub async fn many_signs_are_told_at_once<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.crowd_lines_up(40).await;
    room.serve(WAITING_TTL / 2).await;
    let now = room.now().await;
    let strangers = (40..SignOfLife::AT_ONCE)
        .map(|number| sign(&room.ticket(&format!("stranger-{number}"), 7), now));
    let loud = line.iter().step_by(2).map(|ticket| sign(ticket, now));
    let signs: Vec<_> = strangers.chain(loud).collect();
    let found = room.tell(&signs).await;
    let gone = SignOfLife::AT_ONCE - 40;
    for (number, found) in found.iter().enumerate() {
        let is_gone = found.value == LookUpOutcome::Gone;
        assert_eq!(is_gone, number < gone, "{number}: {found:?}");
    }
    room.tell(&[]).await;
    room.serve(WAITING_TTL * 2 / 3).await;
    if !room.stood_still() {
        assert_eq!(room.tidy().await.waiting, 20);
    }
    for ticket in line.iter().step_by(2) {
        room.find(ticket).await;
    }
}

/// Signs of life are no signs of service: while there is nothing else, nobody's wait ends.
pub async fn telling_signs_serves_no_queue<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    for _ in 0..WAITING_TTL.as_secs() / 3 {
        room.pass(seconds(4)).await;
        let now = room.now().await;
        room.heard(&line[0], now).await;
    }
    assert_eq!(room.in_line(&line[1]).await.0, 2);
}
