//! Promise 6: time without service does not count.

use frontrow_domain::{
    model::queue::{GatePurpose, PolicyState},
    ports::{JoinOutcome, LookUpOutcome},
};

use super::{
    ACTIVE_TTL, CLAIM_TTL, QueueFixture, Room, WAITING_TTL, asking::until, by_capacity, by_rate,
    minutes, paused, seconds,
};

/// Nobody's wait ends while nothing serves the queue.
pub async fn a_wait_outlives_a_break_of_service<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    room.pass(minutes(60)).await;
    assert_eq!(room.in_line(&line[1]).await.0, 2);
    room.pass(minutes(60)).await;
    assert_eq!(room.in_line(&line[0]).await, (1, 1));
}

/// After a break everybody has the whole waiting time to live again; then they are gone.
pub async fn a_wait_starts_anew_when_service_does<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    room.pass(minutes(60)).await;
    assert_eq!(room.tidy().await.waiting, 2);
    room.serve(WAITING_TTL / 2).await;
    assert_eq!(room.tidy().await.waiting, 2);
    room.serve(WAITING_TTL).await;
    assert_eq!(room.tidy().await.waiting, 0);
    room.is_gone(&line[0]).await;
}

/// An admission tick is a sign of service as good as any, though it admits nobody.
pub async fn admission_ticks_serve_too<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    for _ in 0..WAITING_TTL.as_secs() {
        room.pass(seconds(1)).await;
        room.admit_all().await;
    }
    let looked_up = room.look_up(&ann).await;
    if room.is_served(looked_up.as_of) {
        assert_eq!(looked_up.value, LookUpOutcome::Gone);
    }
}

/// Whoever takes the room of a place that ended while nothing served the queue is the first in it: service
/// counts from then.
pub async fn who_takes_the_room_of_an_ended_place_is_the_first<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_capacity(1)).await;
    let ann = room.walk_in("ann").await;
    room.pass_gate(&ann, GatePurpose::Browse).await;
    room.pass(ACTIVE_TTL * 2).await;
    let joined = room.join("ben").await;
    let JoinOutcome::Joined(place) = joined.value else {
        panic!("ann's place is over: {joined:?}");
    };
    let ends = joined.as_of + CLAIM_TTL;
    assert_eq!(until(&place), Some(ends));
    assert_eq!(room.active_until(&place.ticket).await, ends);
}

/// A claim deadline counts from the return of service, as every reader can see at once.
pub async fn a_claim_deadline_outlives_a_break<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(10)).await;
    let ann = room.walk_in("ann").await;
    room.pass(minutes(60)).await;
    let found = room.look_up(&ann).await;
    let LookUpOutcome::Found(place) = found.value else {
        panic!("ann has a place: {found:?}");
    };
    assert_eq!(until(&place), Some(found.as_of + CLAIM_TTL));
    room.serve(CLAIM_TTL / 2).await;
    room.active_until(&ann).await;
    room.serve(CLAIM_TTL).await;
    room.is_gone(&ann).await;
}

/// What was claimed ends when it was to, break or not.
pub async fn a_claimed_place_does_not_outlive_a_break<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(10)).await;
    let ann = room.walk_in("ann").await;
    let (_, end) = room.pass_gate(&ann, GatePurpose::Browse).await;
    room.pass(ACTIVE_TTL / 2).await;
    assert_eq!(room.active_until(&ann).await, end);
    room.pass(ACTIVE_TTL / 2).await;
    room.is_gone(&ann).await;
}

/// Who asks during a break is no sign of service: the break lasts until a tick.
pub async fn asking_is_no_sign_of_service<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    let ben = room.line_up("ben").await;
    room.pass(minutes(10)).await;
    room.find(&ben).await;
    room.join("cat").await;
    // Had any of these begun service again, it would have broken once more; ann has her whole life
    // from the tick in any case, and ben's look-up did not shorten it.
    room.pass(WAITING_TTL / 2).await;
    assert_eq!(room.tidy().await.waiting, 3);
    room.serve(WAITING_TTL / 2).await;
    assert_eq!(room.in_line(&ann).await.0, 1);
}

/// A break does not hold up admission: the first tick after it admits.
pub async fn the_first_tick_after_a_break_admits<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    room.change(|policy| policy.state = PolicyState::Open).await;
    room.pass(minutes(60)).await;
    assert_eq!(room.admit_all().await, 2);
    for ticket in &line {
        assert!(!room.waits(ticket).await);
    }
}
