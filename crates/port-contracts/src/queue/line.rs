//! What one snapshot reports of a whole line.

use frontrow_domain::{
    model::queue::{
        DepartureCursor, GatePurpose, LineSnapshot, Ordinal, PolicyState, SaleState, Standing,
        Ticket,
    },
    ports::{GateOutcome, LookUpOutcome, SnapshotOutcome, Stamped},
};

use super::{ContractQueue, QueueFixture, RECOVERY, crowd, minutes, seconds};
use crate::{
    fixture::counted,
    policies::{self, WAITING_TTL},
};

impl<F: QueueFixture> ContractQueue<F> {
    /// Reads a snapshot of the line since a cursor.
    pub(crate) async fn look_since(
        &self,
        since: Option<DepartureCursor>,
    ) -> Stamped<SnapshotOutcome> {
        let looked = self.ports.line.snapshot(self.concert, since).await;
        looked.expect("look")
    }

    /// Reads a snapshot of the line since a cursor. The store must have the queue.
    pub(crate) async fn see_since(&self, since: Option<DepartureCursor>) -> LineSnapshot {
        match self.look_since(since).await.value {
            SnapshotOutcome::Seen(line) => line,
            SnapshotOutcome::NotSeeded => panic!("the store should have the queue"),
        }
    }

    /// Reads a first snapshot of the line, without a cursor. The store must have the queue.
    pub(crate) async fn see(&self) -> LineSnapshot {
        self.see_since(None).await
    }

    /// What a waiting place reports: its position, and how many users had been admitted.
    async fn stood(&self, ticket: &Ticket) -> (u64, u64) {
        stood(self.find(ticket).await.standing)
    }
}

fn stood(standing: Standing) -> (u64, u64) {
    match standing {
        Standing::Waiting {
            position, admitted, ..
        } => (position, admitted),
        Standing::Active { .. } => panic!("that place should wait: {standing:?}"),
    }
}

/// A snapshot has the view of the queue and the waiting users, and reports that none was admitted
/// yet.
pub async fn a_look_tells_how_the_line_stands<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let empty = queue.see().await;
    assert_eq!((empty.waiting, empty.admitted), (0, 0));
    let line = queue.all_line_up(&["ann", "ben", "cat"]).await;
    let seen = queue.see().await;
    assert_eq!(seen.generation.0, queue.generation);
    assert_eq!(seen.policy_version.0, queue.version);
    assert_eq!(seen.waiting_ttl, WAITING_TTL);
    assert_eq!(seen.queue, queue.find(&line[0]).await.queue);
    assert_eq!(seen.reentry_until, None);
    assert_eq!((seen.waiting, seen.admitted), (3, 0));
    assert_eq!(seen.admitted_up_to, None);
}

/// A snapshot shows a new policy, and that the queue is sold out, at once.
pub async fn a_look_tells_of_every_change<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue
        .change(|policy| {
            policy.state = PolicyState::Bypass;
            policy.waiting_ttl = minutes(7);
        })
        .await;
    let sold_out = queue
        .ports
        .control
        .set_sale(queue.concert, counted(SaleState::SoldOut));
    sold_out.await.expect("sell out");
    let seen = queue.see().await;
    assert_eq!(seen.policy_version.0, queue.version);
    assert_eq!(seen.waiting_ttl, minutes(7));
    assert_eq!(seen.queue.state, PolicyState::Bypass);
    assert_eq!(seen.queue.sale, SaleState::SoldOut);
}

/// A user who found no line and was active at once was not admitted from it.
pub async fn who_walks_in_is_not_admitted_from_the_line<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::rate(2)).await;
    queue.walk_in("ann").await;
    queue.walk_in("ben").await;
    let cat = queue.line_up("cat").await;
    let seen = queue.see().await;
    assert_eq!((seen.admitted, seen.admitted_up_to), (0, None));
    assert_eq!(queue.stood(&cat).await, (1, 0));
}

/// A snapshot has the number of admitted users and how far admission has come. Both outlive their
/// places.
pub async fn a_look_tells_how_far_admission_has_come<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_lines_up(5).await;
    queue.change(|policy| *policy = policies::rate(3)).await;
    assert_eq!(queue.admit(2).await.done, 2);
    let seen = queue.see().await;
    assert_eq!((seen.waiting, seen.admitted), (3, 2));
    assert_eq!(seen.admitted_up_to, Some(line[1].arrival));
    assert_eq!(queue.admit_all().await, 1);
    queue.go(&line[2]).await;
    let seen = queue.see().await;
    assert_eq!((seen.waiting, seen.admitted), (2, 3));
    assert_eq!(seen.admitted_up_to, Some(line[2].arrival));
}

/// In bypass users are admitted from the line and counted as in any other state.
pub async fn bypass_admits_from_the_line<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_line_up(&["ann", "ben"]).await;
    queue.switch(PolicyState::Bypass).await;
    assert_eq!(queue.admit_all().await, 2);
    let seen = queue.see().await;
    assert_eq!((seen.waiting, seen.admitted), (0, 2));
    assert_eq!(seen.admitted_up_to, Some(line[1].arrival));
}

/// An expired head was not admitted, whether or not it was removed. Admission passes over it.
pub async fn who_gave_up_was_not_admitted<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.all_line_up(&["ann", "ben"]).await;
    queue.serve(WAITING_TTL / 2).await;
    let cat = queue.line_up("cat").await;
    queue.change(|policy| *policy = policies::capacity(9)).await;
    queue.serve_past(WAITING_TTL / 2).await;
    let looked = queue.look_since(None).await;
    let is_served = queue.is_served(looked.as_of);
    let SnapshotOutcome::Seen(seen) = looked.value else {
        panic!("the store has the queue");
    };
    if !is_served {
        return;
    }
    assert!((1..=3).contains(&seen.waiting), "{seen:?}");
    assert_eq!((seen.admitted, seen.admitted_up_to), (0, None));
    while queue.admit_all().await > 0 {}
    queue.tidy().await;
    if !queue.stood_still() {
        let seen = queue.see().await;
        assert_eq!((seen.waiting, seen.admitted), (0, 1));
        assert_eq!(seen.admitted_up_to, Some(cat.arrival));
    }
}

/// Every answer that has the position of a waiting place also has the number of users admitted by
/// then.
pub async fn every_answer_to_who_waits_tells_the_count<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_lines_up(4).await;
    assert_eq!(queue.stood(&line[3]).await, (4, 0));
    queue.switch(PolicyState::Open).await;
    assert_eq!(queue.admit(2).await.done, 2);
    assert_eq!(queue.stood(&line[3]).await, (2, 2));
    assert_eq!(stood(queue.held(&line[3]).await.standing), (2, 2));
    let GateOutcome::Waiting(place) = queue.gate(&line[3], GatePurpose::Browse).await.value else {
        panic!("the last of four waits");
    };
    assert_eq!(stood(place.standing), (2, 2));
    let new = queue.enter("new").await;
    assert_eq!(stood(new.standing), (3, 2));
}

/// Position and count are of the same instant, also while users are being admitted: no ordinal
/// changes while no user leaves.
pub async fn a_turn_stays_while_the_line_moves<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_lines_up(40).await;
    queue.switch(PolicyState::Bypass).await;
    let (ports, concert) = queue.for_task();
    let moving = tokio::spawn(async move {
        for _ in 0..12 {
            ports.ticks.admit(concert, 3).await.expect("tick");
            tokio::task::yield_now().await;
        }
    });
    crowd(4, |number| {
        let (ports, _) = queue.for_task();
        let ahead = 36 + number;
        let ticket = line[ahead].clone();
        let turn = Ordinal::of(ahead as u64 + 1, 0);
        async move {
            for _ in 0..20 {
                let found = ports.queue.look_up(&ticket).await.expect("look up").value;
                let LookUpOutcome::Found(place) = found else {
                    panic!("{} has a place: {found:?}", ticket.user);
                };
                let (position, admitted) = stood(place.standing);
                assert_eq!(Ordinal::of(position, admitted), turn, "{}", ticket.user);
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    moving.await.expect("the mover");
}

/// A snapshot is one consistent view. As long as no user leaves, the waiting and the admitted users
/// together are all who ever joined, and the number of admitted users is the number who arrived up
/// to the last of them.
pub async fn a_look_is_consistent_while_the_line_moves<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_lines_up(30).await;
    queue.switch(PolicyState::Bypass).await;
    let (ports, concert) = queue.for_task();
    let moving = tokio::spawn(async move {
        for _ in 0..10 {
            ports.ticks.admit(concert, 3).await.expect("tick");
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..30 {
        let seen = queue.see().await;
        assert_eq!(seen.waiting + seen.admitted, 30);
        let up_to = seen.admitted_up_to;
        let arrived = line.iter().filter(|ticket| Some(ticket.arrival) <= up_to);
        assert_eq!(arrived.count() as u64, seen.admitted);
        tokio::task::yield_now().await;
    }
    moving.await.expect("the mover");
}

/// A queue that was lost starts its count again, and reports how long users may re-enter.
pub async fn a_look_tells_whether_people_may_come_back<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    queue.walk_in("zoe").await;
    let ann = queue.line_up("ann").await;
    queue.pass(minutes(61)).await;
    assert_eq!(queue.admit_all().await, 1);
    assert_eq!(queue.see().await.admitted, 1);
    queue.lose_and_recover().await;
    let seen = queue.see().await;
    assert_eq!(seen.generation.0, queue.generation);
    assert_eq!((seen.waiting, seen.admitted), (0, 0));
    assert_eq!(seen.admitted_up_to, None);
    assert!(seen.reentry_until.is_some() && seen.queue.recovering);
    queue.find(&ann).await;
    queue.pass(RECOVERY + WAITING_TTL / 2).await;
    let until = seen.reentry_until;
    let seen = queue.see().await;
    assert!(seen.reentry_until == until && !seen.queue.recovering);
    assert_eq!(seen.waiting, 1);
    queue.pass(WAITING_TTL / 2 + seconds(1)).await;
    assert_eq!(queue.see().await.reentry_until, None);
}

/// A snapshot is no heartbeat and keeps no place.
pub async fn a_look_keeps_no_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    queue.serve(WAITING_TTL / 2).await;
    queue.see().await;
    queue.serve(WAITING_TTL / 2).await;
    if !queue.stood_still() {
        assert_eq!(queue.see().await.waiting, 0);
        queue.is_gone(&ann).await;
    }
}

/// Snapshots are no ticks: while there are only snapshots, no waiting place expires.
pub async fn looks_serve_no_queue<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    for _ in 0..WAITING_TTL.as_secs() / 3 {
        queue.pass(seconds(4)).await;
        queue.see().await;
    }
    assert!(queue.waits(&ann).await);
}
