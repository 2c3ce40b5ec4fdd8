//! Policies and their versions, and what operators see of a queue.

use frontrow_domain::{
    model::queue::{GatePurpose, PolicyState, PolicyVersion, Recovery},
    ports::{LookUpOutcome, RemoveOutcome, SeedOutcome},
};

use super::{ContractQueue, QueueFixture, RECOVERY, calls::until, crowd, seconds};
use crate::policies::{self, ACTIVE_TTL, CLAIM_TTL, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
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

/// A newer policy is in force from the call that seeds it.
pub async fn a_newer_policy_is_in_force_at_once<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.join_line("ann").await;
    let before = queue.version_in_force().await;
    assert_eq!(before, Some(PolicyVersion(queue.version)));
    queue
        .change(|policy| *policy = policies::throughput(1))
        .await;
    let after = queue.version_in_force().await;
    assert_eq!(after, Some(PolicyVersion(queue.version)));
    assert!(after > before);
    assert_eq!(queue.admit_all().await, 1);
}

/// An older policy, and the same version again, change nothing. The answer names the version in
/// force.
pub async fn an_older_policy_is_refused<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(5)).await;
    let in_force = queue.version;
    queue.policy = policies::paused();
    for version in [in_force, in_force - 1, 0] {
        queue.version = version;
        let seeded = queue.seed(None).await.value;
        assert_eq!(seeded, SeedOutcome::HasNewer(PolicyVersion(in_force)));
    }
    assert_eq!(
        queue.version_in_force().await,
        Some(PolicyVersion(in_force))
    );
    queue.join_active("ann").await;
}

/// If many policies arrive at the same time, the newest is in force in the end.
pub async fn the_newest_of_many_policies_wins<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    crowd(12, |number| {
        let mut seed = queue.seed_of(None);
        let newer = i64::try_from(number * 7 % 12 + 1).expect("a small number");
        seed.policy.version = PolicyVersion(queue.version + newer);
        seed.policy.policy = policies::capacity(u32::try_from(newer).expect("a small number"));
        let (ports, _) = queue.for_task();
        async move { ports.control.seed(&seed).await.expect("seed") }
    })
    .await;
    let newest = PolicyVersion(queue.version + 12);
    assert_eq!(queue.version_in_force().await, Some(newest));
    for number in 0..12 {
        queue.join_active(&format!("user-{number}")).await;
    }
    queue.join_line("too-many").await;
}

/// A store that has the queue keeps its generation and does not recover, even if a seed asks for
/// it.
pub async fn a_seed_does_not_recover_a_queue_that_the_store_has<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    let generation = queue.generation;
    queue.generation = 77;
    queue.version += 1;
    let recovery = Some(Recovery::lasting(RECOVERY));
    let seeded = queue.seed(recovery).await.value;
    assert_eq!(seeded, SeedOutcome::Taken { recovering: false });
    let seeded = queue.seed(recovery).await.value;
    assert_eq!(seeded, SeedOutcome::HasNewer(PolicyVersion(queue.version)));
    let place = queue.find(&ann).await;
    assert!(!place.queue.recovering);
    assert_eq!(place.ticket.generation.0, generation);
    queue.assert_gone(&queue.ticket("ben", 1)).await;
}

/// A changed lifetime counts at once for users who wait and for places that are not claimed.
/// Claimed places keep their deadline.
pub async fn changed_lifetimes_apply_at_once<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(2)).await;
    let claimed = queue.join_active("ann").await;
    let (_, end) = queue.pass_gate(&claimed, GatePurpose::Browse).await;
    let ben = queue.join_new("ben").await;
    let cat = queue.join_line("cat").await;
    queue
        .change(|policy| {
            policy.claim_ttl = CLAIM_TTL * 3;
            policy.active_ttl = ACTIVE_TTL * 3;
            policy.waiting_ttl = WAITING_TTL * 3;
        })
        .await;
    assert_eq!(queue.active_until(&claimed).await, end);
    let later = until(&ben).map(|until| until + CLAIM_TTL * 2);
    let now_until = queue.active_until(&ben.ticket).await;
    assert!(
        later <= Some(now_until),
        "{now_until} is not the new deadline"
    );
    queue.serve(WAITING_TTL + seconds(20)).await;
    assert!(queue.waits(&cat).await);
    assert!(!queue.waits(&ben.ticket).await);
}

/// A queue is empty when no user has a place in it.
pub async fn a_queue_is_empty_when_no_user_has_a_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    assert!(queue.is_empty().await);
    let ann = queue.join_active("ann").await;
    assert!(!queue.is_empty().await);
    let ben = queue.join_line("ben").await;
    queue.leave_place(&ann).await;
    assert!(!queue.is_empty().await);
    queue.leave_place(&ben).await;
    assert!(queue.is_empty().await);
    let cat = queue.join_active("cat").await;
    queue.pass_gate(&cat, GatePurpose::Browse).await;
    assert!(!queue.is_empty().await);
    queue.pass(ACTIVE_TTL + seconds(1)).await;
    assert!(queue.is_empty().await);
}

/// Waiting users keep a queue from being empty until their places expire.
pub async fn a_queue_is_empty_when_every_waiting_place_has_expired<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.join_line("ann").await;
    assert!(!queue.is_empty().await);
    queue.serve_past(WAITING_TTL).await;
    let empty = queue.is_empty().await;
    if queue.is_served(queue.now().await) {
        assert!(empty);
    }
}

/// A queue whose users may still re-enter is not empty, though no user has a place. Its store must
/// not end as if nothing could be lost.
pub async fn a_queue_is_not_empty_while_users_may_re_enter<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.join_line("ann").await;
    queue.lose_and_recover().await;
    assert!(!queue.is_empty().await);
    queue.pass(RECOVERY + seconds(40)).await;
    assert!(!queue.is_empty().await);
    queue.pass(seconds(21)).await;
    assert!(queue.is_empty().await);
}

/// An operator can open and pause a queue any number of times.
pub async fn an_operator_can_open_and_pause_a_queue_repeatedly<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(100)).await;
    for turn in 0..4 {
        queue.switch(PolicyState::Paused).await;
        let ticket = queue.join_line(&format!("user-{turn}")).await;
        assert_eq!(queue.admit_all().await, 0);
        queue.switch(PolicyState::Open).await;
        assert_eq!(queue.admit_all().await, 1);
        assert!(!queue.waits(&ticket).await);
    }
}

/// A queue that is closed and empty is removed. It is unknown from then on.
pub async fn a_closed_empty_queue_is_removed<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(5)).await;
    let ann = queue.join_active("ann").await;
    queue
        .change(|policy| policy.state = PolicyState::Closed)
        .await;
    queue.leave(&ann).await;
    assert_eq!(queue.remove().await, RemoveOutcome::Removed);
    assert_eq!(queue.version_in_force().await, None);
    let found = queue
        .ports
        .queue
        .look_up(&ann)
        .await
        .expect("look up")
        .value;
    assert_eq!(found, LookUpOutcome::NotSeeded);
    let busy = queue.ports.ticks.busy().await.expect("busy");
    assert!(!busy.contains(&queue.concert));
    assert_eq!(queue.remove().await, RemoveOutcome::Removed);
}

/// A queue that is not closed, or that has a waiting or active user, is not removed.
pub async fn a_queue_in_use_is_not_removed<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    assert_eq!(queue.remove().await, RemoveOutcome::NotClosed);
    let ann = queue.join_active("ann").await;
    let ben = queue.join_line("ben").await;
    assert_eq!(queue.remove().await, RemoveOutcome::NotClosed);
    queue
        .change(|policy| policy.state = PolicyState::Closed)
        .await;
    assert_eq!(queue.remove().await, RemoveOutcome::NotEmpty);
    queue.leave(&ann).await;
    assert_eq!(queue.remove().await, RemoveOutcome::NotEmpty);
    assert!(queue.waits(&ben).await);
    queue.leave(&ben).await;
    assert_eq!(queue.remove().await, RemoveOutcome::Removed);
}

/// Expired places do not keep a queue from being removed, even before a tick has removed them.
pub async fn expired_places_do_not_prevent_the_removal_of_a_queue<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    queue.join_active("ann").await;
    queue.join_line("ben").await;
    queue
        .change(|policy| policy.state = PolicyState::Closed)
        .await;
    queue.serve_past(WAITING_TTL.max(CLAIM_TTL)).await;
    let removed = queue.remove().await;
    if queue.is_served(queue.now().await) {
        assert_eq!(removed, RemoveOutcome::Removed);
    }
}

/// A queue that was removed can be seeded again, and has no users then.
pub async fn a_removed_queue_can_be_seeded_again<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue
        .change(|policy| policy.state = PolicyState::Closed)
        .await;
    queue.leave(&ann).await;
    assert_eq!(queue.remove().await, RemoveOutcome::Removed);
    queue.policy = policies::throughput(5);
    queue.version += 1;
    queue.seed(None).await;
    queue.join_active("ben").await;
    let found = queue
        .ports
        .queue
        .look_up(&ann)
        .await
        .expect("look up")
        .value;
    assert_eq!(found, LookUpOutcome::Gone);
}
