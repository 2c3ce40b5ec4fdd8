//! Looks at places that are no heartbeats.

use frontrow_domain::{
    model::queue::{Place, PolicyState, Ticket},
    ports::PeekOutcome,
};

use super::{QueueFixture, RECOVERY, Room, WAITING_TTL, by_capacity, by_rate, paused, seconds};

impl<F: QueueFixture> Room<F> {
    /// Peeks at places of a queue that the store has.
    async fn peek(&self, tickets: &[Ticket]) -> Vec<Option<Place>> {
        let peeked = self.ports.line.peek(self.concert, tickets).await;
        match peeked.expect("peek").value {
            PeekOutcome::Seen(places) => {
                assert_eq!(places.len(), tickets.len());
                places
            }
            PeekOutcome::NotSeeded => panic!("the store has the queue"),
        }
    }
}

/// A peek tells of each place what a look-up would: in the line, active or gone.
pub async fn a_peek_tells_what_a_look_up_tells<F: QueueFixture>(fixture: F) {
    let room = Room::open(fixture, by_capacity(1)).await;
    let inside = room.walk_in("inside").await;
    let line = room.all_line_up(&["ann", "ben", "cat"]).await;
    let old = line[1].clone();
    room.go(&old).await;
    let tickets = [
        inside.clone(),
        line[2].clone(),
        old,
        line[0].clone(),
        room.ticket("stranger", 7),
    ];
    let seen = room.peek(&tickets).await;
    assert_eq!(seen[0], Some(room.find(&inside).await));
    assert_eq!(seen[1], Some(room.find(&line[2]).await));
    assert_eq!(seen[3], Some(room.find(&line[0]).await));
    assert_eq!((&seen[2], &seen[4]), (&None, &None));
}

/// A ticket from before its user left and joined again has no place.
pub async fn a_peek_with_an_old_ticket_finds_nothing<F: QueueFixture>(fixture: F) {
    let room = Room::open(fixture, paused()).await;
    let old = room.line_up("ann").await;
    room.go(&old).await;
    let new = room.line_up("ann").await;
    assert_eq!(room.peek(&[old]).await, [None]);
    assert_eq!(
        room.peek(std::slice::from_ref(&new)).await,
        [Some(room.find(&new).await)]
    );
}

/// A peek is no heartbeat: a place that is only peeked at ends, and is gone for the peek, too.
pub async fn a_peek_keeps_no_place<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = [room.line_up("ann").await];
    room.serve(WAITING_TTL / 2).await;
    assert!(room.peek(&ann).await[0].is_some() || room.stood_still());
    room.serve(WAITING_TTL / 2).await;
    if !room.stood_still() {
        assert_eq!(room.peek(&ann).await, [None]);
        room.is_gone(&ann[0]).await;
    }
}

/// A user who stands aside goes on to do so, however often the place is peeked at.
pub async fn a_peek_brings_nobody_back_into_the_line<F: QueueFixture>(fixture: F) {
    let mut policy = by_capacity(2);
    policy.absent_after = Some(seconds(15));
    policy.state = PolicyState::Paused;
    let mut room = Room::open(fixture, policy).await;
    let line = room.all_line_up(&["silent", "present"]).await;
    room.serve(seconds(16)).await;
    room.find(&line[1]).await;
    room.peek(&line).await;
    room.change(|policy| policy.state = PolicyState::Open).await;
    room.admit_all().await;
    let seen = room.peek(&line).await;
    room.admit_all().await;
    if room.stood_still() {
        return;
    }
    assert_eq!(room.see().await.admitted, 1, "{seen:?}");
    // A heartbeat does what no peek did.
    room.find(&line[0]).await;
    room.admit_all().await;
    assert_eq!(room.see().await.admitted, 2);
}

/// A peek with a ticket from before a loss brings no place back; a look-up does.
pub async fn a_peek_brings_no_lost_place_back<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    room.walk_in("zoe").await;
    let ann = [room.line_up("ann").await];
    room.lose_and_recover().await;
    assert_eq!(room.peek(&ann).await, [None]);
    assert_eq!(room.see().await.waiting, 0);
    let place = room.find(&ann[0]).await;
    assert_eq!(room.peek(&ann).await, [Some(place)]);
    room.pass(RECOVERY / 2).await;
}

/// As many places as may be asked for at once are all told, in the order of the tickets.
pub async fn many_places_are_peeked_at_at_once<F: QueueFixture>(fixture: F) {
    let room = Room::open(fixture, paused()).await;
    let line = room.crowd_lines_up(40).await;
    let strangers = (40..Ticket::PEEKS_MAX).map(|number| {
        let name = format!("stranger-{number}");
        room.ticket(&name, 7)
    });
    let tickets: Vec<_> = strangers.chain(line.iter().rev().cloned()).collect();
    let seen = room.peek(&tickets).await;
    let found: Vec<_> = seen.iter().flatten().map(|place| &place.ticket).collect();
    assert_eq!(found, line.iter().rev().collect::<Vec<_>>());
    assert!(seen[..Ticket::PEEKS_MAX - 40].iter().all(Option::is_none));
}

/// Peeks are no signs of service: while there is nothing else, nobody's wait ends.
pub async fn peeks_serve_no_queue<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = [room.line_up("ann").await];
    for _ in 0..WAITING_TTL.as_secs() / 3 {
        room.pass(seconds(4)).await;
        room.peek(&ann).await;
    }
    assert!(room.waits(&ann[0]).await);
}
