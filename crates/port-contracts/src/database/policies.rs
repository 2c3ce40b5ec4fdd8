//! The master copies of the queues' policies.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use frontrow_domain::{
    model::{
        ConcertId,
        queue::{
            Capacity, Generation, PolicyState, PolicyVersion, QueuePolicy, Throughput,
            VersionedPolicy,
        },
    },
    ports::{MasterPolicy, PutOutcome, ReserveOutcome},
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    DatabaseFixture, TestSale, at_once, operator,
    test_sale::{DAY, far, long_ago},
};

/// Returns a policy in which every value is set and differs from its default.
fn elaborate(version: i64) -> VersionedPolicy {
    VersionedPolicy {
        policy: QueuePolicy {
            state: PolicyState::Paused,
            opens_at: Some(far()),
            throughput: Some(Throughput {
                admit: 7,
                interval: Duration::from_millis(2_500),
            }),
            capacity: Some(Capacity { max_active: 11 }),
            waiting_ttl: Duration::from_millis(61_250),
            claim_ttl: Duration::from_secs(75),
            active_ttl: Duration::from_secs(901),
            max_waiting: Some(1_000_000),
            absent_after: Some(Duration::from_millis(30_125)),
        },
        version: PolicyVersion(version),
    }
}

/// Returns a policy in which only required values are set.
fn bare(version: i64, state: PolicyState) -> VersionedPolicy {
    let policy = QueuePolicy {
        state,
        throughput: None,
        capacity: Some(Capacity { max_active: 1 }),
        ..QueuePolicy::default()
    };
    VersionedPolicy {
        policy,
        version: PolicyVersion(version),
    }
}

impl<F: DatabaseFixture> TestSale<F> {
    async fn policy(&self) -> MasterPolicy {
        let found = self.ports.policies.find(self.concert).await;
        found.expect("find policy").expect("the policy")
    }

    /// Replaces the current policy.
    async fn put(&self, policy: &VersionedPolicy) -> PutOutcome {
        let before = self.ports.policies.find(self.concert).await;
        let before = before.expect("find policy");
        let before = before.map_or(PolicyVersion(0), |before| before.policy.version);
        self.put_instead_of(before, policy).await
    }

    async fn put_instead_of(&self, before: PolicyVersion, policy: &VersionedPolicy) -> PutOutcome {
        let (policies, by) = (&self.ports.policies, operator());
        let put = policies.put(self.concert, before, policy, &by).await;
        put.expect("put policy")
    }

    async fn reserve(&self, generation: u64) -> ReserveOutcome {
        let (policies, generation) = (&self.ports.policies, Generation(generation));
        let reserved = policies.reserve_generation(self.concert, generation).await;
        reserved.expect("reserve a generation")
    }

    async fn mark_seeded(&self) {
        let marked = self.ports.policies.mark_seeded(self.concert).await;
        marked.expect("mark seeded");
    }
}

/// A policy is stored completely, as the master copy and in the catalogue.
pub async fn a_policy_is_stored_completely<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let states = [
        PolicyState::Open,
        PolicyState::Paused,
        PolicyState::Bypass,
        PolicyState::Closed,
    ];
    let bare = states
        .into_iter()
        .zip(3..)
        .map(|(state, version)| bare(version, state));
    for policy in std::iter::once(elaborate(2)).chain(bare) {
        assert_eq!(sale.put(&policy).await, PutOutcome::Put);
        assert_eq!(sale.policy().await.policy, policy);
        let listed = sale.ports.concerts.catalogue(long_ago()).await;
        let listed = listed
            .expect("catalogue")
            .concerts
            .pop()
            .expect("the concert");
        assert_eq!(listed.policy, policy);
    }
}

/// A concert begins with the policy it was created with, and its queue is not seeded yet.
pub async fn a_new_concert_has_the_policy_of_its_creation<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let begin = sale.policy().await;
    assert_eq!(begin.policy.policy, QueuePolicy::default());
    assert_eq!(begin.policy.version, PolicyVersion(1));
    assert!(!begin.seeded);
}

/// A policy that is not newer changes nothing.
pub async fn only_a_newer_policy_is_taken<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let newest = elaborate(10);
    assert_eq!(sale.put(&newest).await, PutOutcome::Put);
    for version in [9, 10] {
        let late = bare(version, PolicyState::Open);
        assert_eq!(sale.put(&late).await, PutOutcome::Outdated);
    }
    assert_eq!(sale.policy().await.policy, newest);
}

/// If two callers change the same version of a policy, the second is refused and must read again.
pub async fn a_change_of_an_old_version_is_refused<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let both_saw = sale.policy().await.policy.version;
    let first = elaborate(10);
    assert_eq!(sale.put_instead_of(both_saw, &first).await, PutOutcome::Put);
    let second = bare(11, PolicyState::Open);
    let put = sale.put_instead_of(both_saw, &second).await;
    assert_eq!(put, PutOutcome::Outdated);
    assert_eq!(sale.policy().await.policy, first);
    let put = sale.put_instead_of(first.version, &second).await;
    assert_eq!(put, PutOutcome::Put);
}

/// An unknown concert has no policy and gets none.
pub async fn an_unknown_concert_has_no_policy<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.concert = ConcertId(Uuid::nil());
    let found = sale.ports.policies.find(sale.concert).await;
    assert_eq!(found.expect("find policy"), None);
    assert_eq!(sale.put(&elaborate(5)).await, PutOutcome::NoSuchConcert);
}

/// The list of all policies has that of every concert.
pub async fn all_policies_are_listed<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let second = sale.add_concert("Second").await;
    sale.put(&elaborate(5)).await;
    sale.mark_seeded().await;
    let all = sale
        .ports
        .policies
        .all(long_ago())
        .await
        .expect("all policies");
    let all: BTreeMap<_, _> = all.into_iter().collect();
    assert_eq!(all.len(), 2);
    let first = all.get(&sale.concert).expect("the first");
    assert_eq!((&first.policy, first.seeded), (&elaborate(5), true));
    let second = all.get(&second).expect("the second");
    assert_eq!(
        (second.policy.version, second.seeded),
        (PolicyVersion(1), false)
    );
}

/// Policies of concerts that are over are not listed. A concert is over once its last performance
/// started before the given instant. A concert without any performance is not over.
pub async fn policies_of_concerts_that_are_over_are_not_listed<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let without = sale.add_concert("Without performances").await;
    let once = sale.add_concert("Once").await;
    let twice = sale.add_concert("Twice").await;
    let day = |days: i64| far() + DAY * i32::try_from(days).expect("few days");
    for (concert, start) in [(once, -9), (twice, -9), (twice, -7)] {
        sale.add_performance_at(concert, day(start)).await;
    }
    let microsecond = SignedDuration::from_micros(1);
    for (since, not_over) in [
        (Timestamp::MIN, vec![once, twice, sale.concert]),
        (day(-9), vec![once, twice, sale.concert]),
        (day(-9) + microsecond, vec![twice, sale.concert]),
        (day(-7), vec![twice, sale.concert]),
        (day(-7) + microsecond, vec![sale.concert]),
        (far() + microsecond, vec![]),
    ] {
        let listed = sale.ports.policies.all(since).await.expect("policies");
        let listed: BTreeSet<_> = listed.into_iter().map(|(concert, _)| concert).collect();
        let not_over = not_over.into_iter().chain([without]).collect();
        assert_eq!(listed, not_over, "since {since}");
    }
}

/// The record that a queue was seeded can be made again. A change of the policy keeps it.
pub async fn the_record_of_a_seeded_queue_outlives_policy_changes<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    for version in [5, 6] {
        sale.mark_seeded().await;
        assert_eq!(sale.put(&elaborate(version)).await, PutOutcome::Put);
        assert!(sale.policy().await.seeded);
    }
}

/// The first generation that is reserved stays, and the queue counts as new until it is seeded.
pub async fn the_first_reserved_generation_stays<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    assert_eq!(sale.policy().await.reserved, None);
    let first = Generation(u64::MAX - 1);
    for generation in [first.0, 8] {
        let reserved = ReserveOutcome::Reserved(first);
        assert_eq!(sale.reserve(generation).await, reserved);
        assert_eq!(sale.policy().await.reserved, Some(first));
    }
    assert_eq!(sale.put(&elaborate(5)).await, PutOutcome::Put);
    let master = sale.policy().await;
    assert_eq!((master.seeded, master.reserved), (false, Some(first)));
    let all = sale.ports.policies.all(far()).await.expect("all policies");
    assert_eq!(all, [(sale.concert, master)]);
}

/// Once a queue is seeded there is nothing to reserve, whether or not a generation was reserved.
pub async fn a_seeded_queue_reserves_no_generation<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.mark_seeded().await;
    assert_eq!(sale.reserve(7).await, ReserveOutcome::SeededBefore);
    assert_eq!(sale.policy().await.reserved, None);
    sale.concert = sale.add_concert("Second").await;
    sale.reserve(7).await;
    sale.mark_seeded().await;
    assert_eq!(sale.reserve(7).await, ReserveOutcome::SeededBefore);
}

/// If several callers reserve a generation at once, all get the same one.
pub async fn concurrent_callers_reserve_one_generation<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let calls = (1..=8).map(|generation| {
        let (policies, concert) = (Arc::clone(&sale.ports.policies), sale.concert);
        async move {
            let generation = Generation(generation);
            let reserved = policies.reserve_generation(concert, generation).await;
            reserved.expect("reserve a generation")
        }
    });
    let outcomes = at_once(calls.collect::<Vec<_>>()).await;
    let reserved = sale.policy().await.reserved.expect("a generation");
    assert_eq!(outcomes, [ReserveOutcome::Reserved(reserved); 8]);
}

/// Nothing is reserved or recorded for a concert that does not exist.
pub async fn nothing_is_recorded_for_an_unknown_concert<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let before = sale.policy().await;
    let concert = std::mem::replace(&mut sale.concert, ConcertId(Uuid::nil()));
    assert_eq!(sale.reserve(7).await, ReserveOutcome::NoSuchConcert);
    sale.mark_seeded().await;
    sale.concert = concert;
    assert_eq!(sale.policy().await, before);
}

/// The reserved generation and the record of the seeding can be removed and made again.
pub async fn the_record_of_a_seeded_queue_can_be_removed<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    for generation in [7, 8] {
        let reserved = ReserveOutcome::Reserved(Generation(generation));
        assert_eq!(sale.reserve(generation).await, reserved);
        sale.mark_seeded().await;
        assert!(sale.policy().await.seeded);
        let forgotten = sale.ports.policies.forget_seeded(sale.concert).await;
        forgotten.expect("forget seeded");
        let master = sale.policy().await;
        assert_eq!((master.seeded, master.reserved), (false, None));
    }
}
