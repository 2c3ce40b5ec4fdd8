//! Promise 10: a queue that its store lost, and the people who carry it.

use frontrow_domain::model::queue::{GatePurpose, JoinRefusal, PolicyState, Ticket};

use super::{
    QueueFixture, RECOVERY, Room, WAITING_TTL, by_capacity, by_rate, minutes, paused, seconds,
};

impl<F: QueueFixture> Room<F> {
    /// None of these is shown nearer to its turn than it is, or further back than all of them. While
    /// a queue takes re-entries, positions may be overstated.
    pub(crate) async fn stand_in_line(&self, line: &[&Ticket]) {
        let last = line.len() as u64;
        for (true_position, ticket) in (1..).zip(line) {
            let (position, behind) = self.in_line(ticket).await;
            let (positions, behinds) = (true_position..=last, last - true_position..last);
            assert!(
                positions.contains(&position) && behinds.contains(&behind),
                "{}: {position}, {behind}",
                ticket.user
            );
        }
    }

    /// These are all who wait, and are admitted in this order.
    pub(crate) async fn stand_in_order(&mut self, line: &[&Ticket]) {
        self.stand_in_line(line).await;
        self.pass(RECOVERY + seconds(1)).await;
        self.change(|policy| *policy = by_rate(1_000)).await;
        for (number, ticket) in line.iter().enumerate() {
            assert_eq!(self.admit(1).await.done, 1);
            assert!(!self.waits(ticket).await, "{} is next", ticket.user);
            for later in line.iter().skip(number + 1) {
                assert!(self.waits(later).await, "{} is not next", later.user);
            }
        }
    }
}

/// A queue that is given to a store for the first time has nothing to recover: nobody waits for it,
/// and tickets of other generations are worth nothing.
pub async fn a_new_queue_recovers_nothing<F: QueueFixture>(fixture: F) {
    let room = Room::open(fixture, by_rate(1)).await;
    let mut stranger = room.ticket("ann", 1);
    stranger.generation.0 += 1;
    room.is_gone(&stranger).await;
    let place = room.enter("ann").await;
    assert!(!place.queue.recovering);
    room.is_gone(&stranger).await;
}

/// A queue that was lost gets a new generation; its tickets say so.
pub async fn a_recovered_queue_has_a_new_generation<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let before = room.line_up("ann").await;
    room.lose_and_recover().await;
    let place = room.find(&before).await;
    assert_ne!(place.ticket.generation, before.generation);
    assert_eq!(place.ticket.generation.0, room.generation);
    assert!(place.queue.recovering);
}

/// Nobody is admitted while the queue recovers: not who walks up, and not by a tick.
pub async fn nobody_is_admitted_while_a_queue_recovers<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(10)).await;
    room.lose_and_recover().await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    assert_eq!(room.admit_all().await, 0);
    room.pass(RECOVERY / 2).await;
    assert_eq!(room.admit_all().await, 0);
    assert!(room.find(&line[0]).await.queue.recovering);
    room.pass(RECOVERY / 2 + seconds(1)).await;
    assert!(!room.find(&line[0]).await.queue.recovering);
    assert_eq!(room.admit_all().await, 2);
}

/// Those who bring their tickets stand in the order in which they had come, whoever is first to
/// bring one.
pub async fn people_come_back_in_the_order_of_arrival<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben", "cat", "dan"]).await;
    room.lose_and_recover().await;
    for number in [2, 0, 3, 1] {
        room.find(&line[number]).await;
    }
    let all: Vec<_> = line.iter().collect();
    room.stand_in_order(&all).await;
}

/// Those who were active are the oldest, and come first; they are admitted and have their claim
/// deadline again.
pub async fn who_was_active_comes_first<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_capacity(2)).await;
    let ann = room.walk_in("ann").await;
    let ben = room.walk_in("ben").await;
    room.pass_gate(&ann, GatePurpose::Browse).await;
    let cat = room.line_up("cat").await;
    room.lose_and_recover().await;
    room.find(&cat).await;
    room.gate(&ben, GatePurpose::Pay).await;
    room.find(&ann).await;
    room.stand_in_line(&[&ann, &ben, &cat]).await;
    room.pass(RECOVERY + seconds(1)).await;
    assert_eq!(room.admit_all().await, 2);
    assert!(!room.waits(&ann).await);
    assert!(!room.waits(&ben).await);
    assert!(room.waits(&cat).await);
}

/// New joins come after every arrival that came back, even when the clock has stepped back.
pub async fn new_joins_come_after_every_arrival_seen<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    room.step_back(minutes(60)).await;
    room.lose_and_recover().await;
    room.find(&line[1]).await;
    let new = room.line_up("cat").await;
    assert!(new.arrival > line[1].arrival);
    room.find(&line[0]).await;
    room.stand_in_order(&[&line[0], &line[1], &new]).await;
}

/// Who comes back goes before those who joined since.
pub async fn who_comes_back_goes_before_new_joiners<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    room.lose_and_recover().await;
    let new = room.line_up("cat").await;
    room.find(&line[1]).await;
    room.find(&line[0]).await;
    room.stand_in_order(&[&line[0], &line[1], &new]).await;
}

/// Late-comers get their place back for the waiting time to live after the recovery.
pub async fn late_comers_get_their_place_back<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    room.walk_in("zoe").await;
    let ann = room.line_up("ann").await;
    room.lose_and_recover().await;
    room.line_up("ben").await;
    room.pass(RECOVERY + WAITING_TTL / 2).await;
    assert_eq!(room.in_line(&ann).await, (1, 1));
    assert_eq!(room.admit_all().await, 1);
    assert!(!room.waits(&ann).await);
}

/// Never later: then a ticket of the lost generation is gone, and its user joins anew.
pub async fn nobody_comes_back_later<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    room.lose_and_recover().await;
    room.pass(RECOVERY + WAITING_TTL + seconds(1)).await;
    room.is_gone(&ann).await;
    let anew = room.joins_anew(&ann).await;
    assert!(anew.arrival > ann.arrival);
}

/// Those who come back are bound by no limit on joining: not a full line, nor sold out, nor closed.
pub async fn coming_back_is_not_joining<F: QueueFixture>(fixture: F) {
    let mut policy = paused();
    policy.max_waiting = Some(2);
    let mut room = Room::open(fixture, policy).await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    room.lose_and_recover().await;
    room.all_line_up(&["cat", "dan"]).await;
    room.find(&line[1]).await;
    assert_eq!(room.refused("eve").await, JoinRefusal::Full);
    room.switch(PolicyState::Closed).await;
    assert_eq!(room.held(&line[0]).await.ticket.arrival, line[0].arrival);
    let (position, _) = room.in_line(&line[0]).await;
    assert!((1..=2).contains(&position), "{position}");
    assert_eq!(room.tidy().await.waiting, 4);
}

/// A ticket of the lost generation stays good for as long as its place is there: waiting, active, and
/// after the recovery.
pub async fn an_old_ticket_is_good_while_its_place_is_there<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    room.lose_and_recover().await;
    let new = room.find(&ann).await.ticket;
    room.switch(PolicyState::Open).await;
    room.pass(RECOVERY + WAITING_TTL + minutes(60)).await;
    assert!(room.waits(&ann).await);
    assert_eq!(room.admit_all().await, 1);
    room.pass_gate(&ann, GatePurpose::Browse).await;
    assert_eq!(room.find(&ann).await.ticket, new);
    assert_eq!(room.held(&ann).await.ticket, new);
    room.go(&ann).await;
    room.is_gone(&new).await;
}

/// People carry a queue through one loss after another.
pub async fn a_queue_survives_losses_in_a_row<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    room.lose_and_recover().await;
    let ben = room.find(&line[1]).await.ticket;
    let cat = room.line_up("cat").await;
    room.lose_and_recover().await;
    for ticket in [&cat, &ben, &line[0]] {
        room.find(ticket).await; // of three generations
    }
    room.stand_in_order(&[&line[0], &ben, &cat]).await;
}

/// A store that was closed in good order has its people when it is open again, or gets them back.
pub async fn a_reopened_store_has_or_recovers_its_people<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_capacity(1)).await;
    let ann = room.walk_in("ann").await;
    let line = room.all_line_up(&["ben", "cat"]).await;
    room.reopen().await;
    let lost = room.look_up(&ann).await.value == frontrow_domain::ports::LookUpOutcome::NotSeeded;
    if lost {
        room.recover().await;
        for ticket in [&line[1], &ann, &line[0]] {
            room.find(ticket).await;
        }
        room.stand_in_line(&[&ann, &line[0], &line[1]]).await;
    } else {
        assert_eq!(room.held(&ann).await.ticket, ann);
        assert!(!room.waits(&ann).await);
        assert_eq!(room.in_line(&line[0]).await, (1, 1));
        assert_eq!(room.admit_all().await, 0);
    }
    let dan = room.line_up("dan").await;
    assert!(dan.arrival > line[1].arrival);
}
