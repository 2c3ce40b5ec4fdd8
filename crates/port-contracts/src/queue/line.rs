//! Snapshots of a whole line.

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
    /// Reads a snapshot of the line since a cursor, with its instant.
    pub(crate) async fn stamped_snapshot_since(
        &self,
        since: Option<DepartureCursor>,
    ) -> Stamped<SnapshotOutcome> {
        let answer = self.ports.line.snapshot(self.concert, since).await;
        answer.expect("snapshot")
    }

    /// Reads a snapshot of the line since a cursor. Panics if the store lacks the queue.
    pub(crate) async fn snapshot_since(&self, since: Option<DepartureCursor>) -> LineSnapshot {
        match self.stamped_snapshot_since(since).await.value {
            SnapshotOutcome::Seen(line) => line,
            SnapshotOutcome::NotSeeded => panic!("the store should have the queue"),
        }
    }

    /// Reads a first snapshot of the line, without a cursor. Panics if the store lacks the queue.
    pub(crate) async fn snapshot(&self) -> LineSnapshot {
        self.snapshot_since(None).await
    }

    /// What a waiting place reports: its position, and how many users had been admitted.
    async fn position_and_passed(&self, ticket: &Ticket) -> (u64, u64) {
        position_and_passed(self.find(ticket).await.standing)
    }
}

fn position_and_passed(standing: Standing) -> (u64, u64) {
    match standing {
        Standing::Waiting {
            position, admitted, ..
        } => (position, admitted),
        Standing::Active { .. } => panic!("that place should wait: {standing:?}"),
    }
}

/// A snapshot has the view of the queue and the number of waiting users, and reports that none was
/// admitted yet.
pub async fn a_snapshot_shows_the_waiting_users<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let empty = queue.snapshot().await;
    assert_eq!((empty.waiting, empty.admitted), (0, 0));
    let line = queue.all_join_line(&["ann", "ben", "cat"]).await;
    let snapshot = queue.snapshot().await;
    assert_eq!(snapshot.generation.0, queue.generation);
    assert_eq!(snapshot.policy_version.0, queue.version);
    assert_eq!(snapshot.waiting_ttl, WAITING_TTL);
    assert_eq!(snapshot.queue, queue.find(&line[0]).await.queue);
    assert_eq!(snapshot.reentry_until, None);
    assert_eq!((snapshot.waiting, snapshot.admitted), (3, 0));
    assert_eq!(snapshot.admitted_up_to, None);
}

/// A snapshot shows a new policy, and that the queue is sold out, at once.
pub async fn a_snapshot_shows_every_change<F: QueueFixture>(fixture: F) {
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
    let snapshot = queue.snapshot().await;
    assert_eq!(snapshot.policy_version.0, queue.version);
    assert_eq!(snapshot.waiting_ttl, minutes(7));
    assert_eq!(snapshot.queue.state, PolicyState::Bypass);
    assert_eq!(snapshot.queue.sale, SaleState::SoldOut);
}

/// A user who found no line and was active at once was not admitted from the line.
pub async fn immediate_admissions_do_not_count_as_passed<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    queue.join_active("ann").await;
    queue.join_active("ben").await;
    let cat = queue.join_line("cat").await;
    let snapshot = queue.snapshot().await;
    assert_eq!((snapshot.admitted, snapshot.admitted_up_to), (0, None));
    assert_eq!(queue.position_and_passed(&cat).await, (1, 0));
}

/// A snapshot has the number of admitted users and how far admission has come. Both outlive their
/// places.
pub async fn a_snapshot_shows_how_far_admission_has_come<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(5).await;
    queue
        .change(|policy| *policy = policies::throughput(3))
        .await;
    assert_eq!(queue.admit(2).await.done, 2);
    let snapshot = queue.snapshot().await;
    assert_eq!((snapshot.waiting, snapshot.admitted), (3, 2));
    assert_eq!(snapshot.admitted_up_to, Some(line[1].arrival));
    assert_eq!(queue.admit_all().await, 1);
    queue.leave_place(&line[2]).await;
    let snapshot = queue.snapshot().await;
    assert_eq!((snapshot.waiting, snapshot.admitted), (2, 3));
    assert_eq!(snapshot.admitted_up_to, Some(line[2].arrival));
}

/// In bypass users are admitted from the line and counted as in any other state.
pub async fn admissions_in_bypass_count_as_passed<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    queue.switch(PolicyState::Bypass).await;
    assert_eq!(queue.admit_all().await, 2);
    let snapshot = queue.snapshot().await;
    assert_eq!((snapshot.waiting, snapshot.admitted), (0, 2));
    assert_eq!(snapshot.admitted_up_to, Some(line[1].arrival));
}

/// An expired head was not admitted, before and after its removal. Admission passes over it.
pub async fn expired_heads_do_not_count_as_passed<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.all_join_line(&["ann", "ben"]).await;
    queue.serve(WAITING_TTL / 2).await;
    let cat = queue.join_line("cat").await;
    queue.change(|policy| *policy = policies::capacity(9)).await;
    queue.serve_past(WAITING_TTL / 2).await;
    let answer = queue.stamped_snapshot_since(None).await;
    let is_served = queue.is_served(answer.as_of);
    let SnapshotOutcome::Seen(snapshot) = answer.value else {
        panic!("the store has the queue");
    };
    if !is_served {
        return;
    }
    assert!((1..=3).contains(&snapshot.waiting), "{snapshot:?}");
    assert_eq!((snapshot.admitted, snapshot.admitted_up_to), (0, None));
    while queue.admit_all().await > 0 {}
    queue.expire_all().await;
    if !queue.was_interrupted() {
        let snapshot = queue.snapshot().await;
        assert_eq!((snapshot.waiting, snapshot.admitted), (0, 1));
        assert_eq!(snapshot.admitted_up_to, Some(cat.arrival));
    }
}

/// Every answer that has the position of a waiting place also has the number of users passed by
/// then.
pub async fn every_answer_with_a_position_has_the_number_of_passed_users<F: QueueFixture>(
    fixture: F,
) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(4).await;
    assert_eq!(queue.position_and_passed(&line[3]).await, (4, 0));
    queue.switch(PolicyState::Open).await;
    assert_eq!(queue.admit(2).await.done, 2);
    assert_eq!(queue.position_and_passed(&line[3]).await, (2, 2));
    assert_eq!(
        position_and_passed(queue.held(&line[3]).await.standing),
        (2, 2)
    );
    let GateOutcome::Waiting(place) = queue.gate(&line[3], GatePurpose::Browse).await.value else {
        panic!("the last of four waits");
    };
    assert_eq!(position_and_passed(place.standing), (2, 2));
    let new = queue.join_new("new").await;
    assert_eq!(position_and_passed(new.standing), (3, 2));
}

/// Position and passed are of the same instant, also while users are being admitted. So no ordinal
/// changes while no user leaves.
pub async fn an_ordinal_stays_the_same_while_the_line_moves<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(40).await;
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
                let (position, admitted) = position_and_passed(place.standing);
                assert_eq!(Ordinal::of(position, admitted), turn, "{}", ticket.user);
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    moving.await.expect("the mover");
}

/// A snapshot is one consistent view. While no user leaves, the waiting and the admitted users
/// together are all who joined, and the number of admitted users is the number who arrived up to
/// the last of them.
pub async fn a_snapshot_is_consistent_while_the_line_moves<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(30).await;
    queue.switch(PolicyState::Bypass).await;
    let (ports, concert) = queue.for_task();
    let moving = tokio::spawn(async move {
        for _ in 0..10 {
            ports.ticks.admit(concert, 3).await.expect("tick");
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..30 {
        let snapshot = queue.snapshot().await;
        assert_eq!(snapshot.waiting + snapshot.admitted, 30);
        let up_to = snapshot.admitted_up_to;
        let arrived = line.iter().filter(|ticket| Some(ticket.arrival) <= up_to);
        assert_eq!(arrived.count() as u64, snapshot.admitted);
        tokio::task::yield_now().await;
    }
    moving.await.expect("the mover");
}

/// A queue that was lost starts its count again, and reports how long users may re-enter.
pub async fn a_snapshot_shows_how_long_users_may_re_enter<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.join_active("zoe").await;
    let ann = queue.join_line("ann").await;
    queue.pass(minutes(61)).await;
    assert_eq!(queue.admit_all().await, 1);
    assert_eq!(queue.snapshot().await.admitted, 1);
    queue.lose_and_recover().await;
    let snapshot = queue.snapshot().await;
    assert_eq!(snapshot.generation.0, queue.generation);
    assert_eq!((snapshot.waiting, snapshot.admitted), (0, 0));
    assert_eq!(snapshot.admitted_up_to, None);
    assert!(snapshot.reentry_until.is_some() && snapshot.queue.recovering);
    queue.find(&ann).await;
    queue.pass(RECOVERY + WAITING_TTL / 2).await;
    let until = snapshot.reentry_until;
    let snapshot = queue.snapshot().await;
    assert!(snapshot.reentry_until == until && !snapshot.queue.recovering);
    assert_eq!(snapshot.waiting, 1);
    queue.pass(WAITING_TTL / 2 + seconds(1)).await;
    assert_eq!(queue.snapshot().await.reentry_until, None);
}

/// A snapshot is no heartbeat and keeps no place.
pub async fn a_snapshot_keeps_no_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.serve(WAITING_TTL / 2).await;
    queue.snapshot().await;
    queue.serve(WAITING_TTL / 2).await;
    if !queue.was_interrupted() {
        assert_eq!(queue.snapshot().await.waiting, 0);
        queue.assert_gone(&ann).await;
    }
}

/// Snapshots are no ticks: while there are only snapshots, no waiting place expires.
pub async fn snapshots_do_not_count_as_service<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    for _ in 0..WAITING_TTL.as_secs() / 3 {
        queue.pass(seconds(4)).await;
        queue.snapshot().await;
    }
    assert!(queue.waits(&ann).await);
}
