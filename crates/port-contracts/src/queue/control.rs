//! Policies and their versions, and what operators see of a queue.

use frontrow_domain::{
    model::queue::{GatePurpose, PolicyState, PolicyVersion, Recovery},
    ports::{LookUpOutcome, RemoveOutcome, SeedOutcome},
};

use super::{
    ACTIVE_TTL, CLAIM_TTL, QueueFixture, RECOVERY, Room, WAITING_TTL, asking::until, by_capacity,
    by_rate, crowd, paused, seconds,
};

impl<F: QueueFixture> Room<F> {
    async fn version_in_force(&self) -> Option<PolicyVersion> {
        let version = self.ports.control.policy_version(self.concert).await;
        version.expect("policy version")
    }

    async fn remove(&self) -> RemoveOutcome {
        let removed = self.ports.control.remove(self.concert).await;
        removed.expect("remove")
    }

    async fn is_empty(&self) -> bool {
        let empty = self.ports.control.is_empty(self.concert).await;
        empty.expect("is empty")
    }
}

/// A newer policy is in force from the call that brought it.
pub async fn a_newer_policy_is_in_force_at_once<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    room.line_up("ann").await;
    let before = room.version_in_force().await;
    assert_eq!(before, Some(PolicyVersion(room.version)));
    room.change(|policy| *policy = by_rate(1)).await;
    let after = room.version_in_force().await;
    assert_eq!(after, Some(PolicyVersion(room.version)));
    assert!(after > before);
    assert_eq!(room.admit_all().await, 1);
}

/// An older policy, and the very same version, change nothing; the answer names what is in force.
pub async fn an_older_policy_is_refused<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(5)).await;
    let in_force = room.version;
    room.policy = paused();
    for version in [in_force, in_force - 1, 0] {
        room.version = version;
        let seeded = room.seed(None).await.value;
        assert_eq!(seeded, SeedOutcome::HasNewer(PolicyVersion(in_force)));
    }
    assert_eq!(room.version_in_force().await, Some(PolicyVersion(in_force)));
    room.walk_in("ann").await;
}

/// Of many policies that come at the same time, the newest is in force in the end.
pub async fn the_newest_of_many_policies_wins<F: QueueFixture>(fixture: F) {
    let room = Room::open(fixture, paused()).await;
    crowd(12, |number| {
        let mut seed = room.seed_of(None);
        let newer = i64::try_from(number * 7 % 12 + 1).expect("a small number");
        seed.policy.version = PolicyVersion(room.version + newer);
        seed.policy.policy = by_capacity(u32::try_from(newer).expect("a small number"));
        let (ports, _) = room.for_task();
        async move { ports.control.seed(&seed).await.expect("seed") }
    })
    .await;
    let newest = PolicyVersion(room.version + 12);
    assert_eq!(room.version_in_force().await, Some(newest));
    for number in 0..12 {
        room.walk_in(&format!("user-{number}")).await;
    }
    room.line_up("too-many").await;
}

/// A store that has the queue keeps its generation and does not recover, whatever a seed says.
pub async fn a_seed_does_not_recover_what_was_not_lost<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    let generation = room.generation;
    room.generation = 77;
    room.version += 1;
    let recovery = Some(Recovery::lasting(RECOVERY));
    let seeded = room.seed(recovery).await.value;
    assert_eq!(seeded, SeedOutcome::Taken { recovering: false });
    let seeded = room.seed(recovery).await.value;
    assert_eq!(seeded, SeedOutcome::HasNewer(PolicyVersion(room.version)));
    let place = room.find(&ann).await;
    assert!(!place.queue.recovering);
    assert_eq!(place.ticket.generation.0, generation);
    room.is_gone(&room.ticket("ben", 1)).await;
}

/// A changed life counts at once for who waits and for who has not claimed; what was claimed keeps
/// the end that it was given.
pub async fn changed_lives_count_at_once<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_capacity(2)).await;
    let claimed = room.walk_in("ann").await;
    let (_, end) = room.pass_gate(&claimed, GatePurpose::Browse).await;
    let ben = room.enter("ben").await;
    let cat = room.line_up("cat").await;
    room.change(|policy| {
        policy.claim_ttl = CLAIM_TTL * 3;
        policy.active_ttl = ACTIVE_TTL * 3;
        policy.waiting_ttl = WAITING_TTL * 3;
    })
    .await;
    assert_eq!(room.active_until(&claimed).await, end);
    let later = until(&ben).map(|until| until + CLAIM_TTL * 2);
    let now_until = room.active_until(&ben.ticket).await;
    assert!(
        later <= Some(now_until),
        "{now_until} is not the new deadline"
    );
    room.serve(WAITING_TTL + seconds(20)).await;
    assert!(room.waits(&cat).await);
    assert!(!room.waits(&ben.ticket).await);
}

/// A queue is empty when nobody has a place in it.
pub async fn a_queue_is_empty_when_nobody_has_a_place<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_capacity(1)).await;
    assert!(room.is_empty().await);
    let ann = room.walk_in("ann").await;
    assert!(!room.is_empty().await);
    let ben = room.line_up("ben").await;
    room.go(&ann).await;
    assert!(!room.is_empty().await);
    room.go(&ben).await;
    assert!(room.is_empty().await);
    let cat = room.walk_in("cat").await;
    room.pass_gate(&cat, GatePurpose::Browse).await;
    assert!(!room.is_empty().await);
    room.pass(ACTIVE_TTL + seconds(1)).await;
    assert!(room.is_empty().await);
}

/// Those who wait make a queue not empty, until their wait is over.
pub async fn a_queue_is_empty_when_every_wait_is_over<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    room.line_up("ann").await;
    assert!(!room.is_empty().await);
    room.serve_past(WAITING_TTL).await;
    let empty = room.is_empty().await;
    if room.is_served(room.now().await) {
        assert!(empty);
    }
}

/// A queue whose people may still bring their places back is not empty, though nobody has a place:
/// its store must not end as if nothing could be lost.
pub async fn a_queue_is_not_empty_while_people_may_come_back<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    room.line_up("ann").await;
    room.lose_and_recover().await;
    assert!(!room.is_empty().await);
    room.pass(RECOVERY + seconds(40)).await;
    assert!(!room.is_empty().await);
    room.pass(seconds(21)).await;
    assert!(room.is_empty().await);
}

/// A queue opens, pauses and opens again as often as its operator likes.
pub async fn a_queue_can_be_switched_back_and_forth<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_capacity(100)).await;
    for turn in 0..4 {
        room.switch(PolicyState::Paused).await;
        let ticket = room.line_up(&format!("user-{turn}")).await;
        assert_eq!(room.admit_all().await, 0);
        room.switch(PolicyState::Open).await;
        assert_eq!(room.admit_all().await, 1);
        assert!(!room.waits(&ticket).await);
    }
}

/// A queue that is closed and empty is removed; it is unknown from then on.
pub async fn a_closed_empty_queue_is_removed<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(5)).await;
    let ann = room.walk_in("ann").await;
    room.change(|policy| policy.state = PolicyState::Closed)
        .await;
    room.leave(&ann).await;
    assert_eq!(room.remove().await, RemoveOutcome::Removed);
    assert_eq!(room.version_in_force().await, None);
    let found = room.ports.queue.look_up(&ann).await.expect("look up").value;
    assert_eq!(found, LookUpOutcome::NotSeeded);
    let busy = room.ports.ticks.busy().await.expect("busy");
    assert!(!busy.contains(&room.concert));
    assert_eq!(room.remove().await, RemoveOutcome::Removed);
}

/// A queue that is not closed, or in which anybody waits or is active, is not removed.
pub async fn a_queue_in_use_is_not_removed<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_capacity(1)).await;
    assert_eq!(room.remove().await, RemoveOutcome::NotClosed);
    let ann = room.walk_in("ann").await;
    let ben = room.line_up("ben").await;
    assert_eq!(room.remove().await, RemoveOutcome::NotClosed);
    room.change(|policy| policy.state = PolicyState::Closed)
        .await;
    assert_eq!(room.remove().await, RemoveOutcome::NotEmpty);
    room.leave(&ann).await;
    assert_eq!(room.remove().await, RemoveOutcome::NotEmpty);
    assert!(room.waits(&ben).await);
    room.leave(&ben).await;
    assert_eq!(room.remove().await, RemoveOutcome::Removed);
}

/// Places that are past their end keep no queue from being removed, before any tick has removed them.
pub async fn ended_places_keep_no_queue<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_capacity(1)).await;
    room.walk_in("ann").await;
    room.line_up("ben").await;
    room.change(|policy| policy.state = PolicyState::Closed)
        .await;
    room.serve_past(WAITING_TTL.max(CLAIM_TTL)).await;
    let removed = room.remove().await;
    if room.is_served(room.now().await) {
        assert_eq!(removed, RemoveOutcome::Removed);
    }
}

/// A queue that was removed can be given again, and has nobody in it.
pub async fn a_removed_queue_can_be_given_again<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    room.change(|policy| policy.state = PolicyState::Closed)
        .await;
    room.leave(&ann).await;
    assert_eq!(room.remove().await, RemoveOutcome::Removed);
    room.policy = by_rate(5);
    room.version += 1;
    room.seed(None).await;
    room.walk_in("ben").await;
    let found = room.ports.queue.look_up(&ann).await.expect("look up").value;
    assert_eq!(found, LookUpOutcome::Gone);
}
