//! Seeding by two instances at the same time, in every order of their steps.

use std::{
    sync::Mutex,
    task::{Context, Poll},
};

use async_trait::async_trait;
use futures_util::{future::BoxFuture, task::noop_waker};
use jiff::Timestamp;

use super::*;
use crate::{
    model::queue::{Generation, SaleCount, VersionedPolicy},
    ports::{MockIds, Operator, PutOutcome, RemoveOutcome, Stamped},
    test_support::*,
};

/// A database and a queues' store. Each call of either takes effect when it is polled a second
/// time.
#[derive(Default)]
struct TestStores {
    row: Mutex<Row>,
    /// The generation that the store has.
    store: Mutex<Option<Generation>>,
}

#[derive(Default)]
struct Row {
    reserved: Option<Generation>,
    seeded: bool,
}

#[async_trait]
impl QueuePolicies for TestStores {
    async fn find(&self, _: ConcertId) -> StoreResult<Option<MasterPolicy>> {
        tokio::task::yield_now().await;
        let row = self.row.lock().unwrap();
        Ok(Some(MasterPolicy {
            policy: policy(1),
            seeded: row.seeded,
            reserved: row.reserved,
        }))
    }

    async fn all(&self, _: Timestamp) -> StoreResult<Vec<(ConcertId, MasterPolicy)>> {
        let master = self.find(CONCERT).await?;
        Ok(master.map(|master| (CONCERT, master)).into_iter().collect())
    }

    async fn put(
        &self,
        _: ConcertId,
        _: PolicyVersion,
        _: &VersionedPolicy,
        _: &Operator,
    ) -> StoreResult<PutOutcome> {
        Ok(PutOutcome::Outdated)
    }

    async fn reserve_generation(
        &self,
        _: ConcertId,
        generation: Generation,
    ) -> StoreResult<ReserveOutcome> {
        tokio::task::yield_now().await;
        let mut row = self.row.lock().unwrap();
        if row.seeded {
            return Ok(ReserveOutcome::SeededBefore);
        }
        let reserved = row.reserved.get_or_insert(generation);
        Ok(ReserveOutcome::Reserved(*reserved))
    }

    async fn mark_seeded(&self, _: ConcertId) -> StoreResult<()> {
        tokio::task::yield_now().await;
        self.row.lock().unwrap().seeded = true;
        Ok(())
    }

    async fn forget_seeded(&self, _: ConcertId) -> StoreResult<()> {
        *self.row.lock().unwrap() = Row::default();
        Ok(())
    }
}

#[async_trait]
impl QueueControl for TestStores {
    async fn seed(&self, seed: &QueueSeed) -> StoreResult<Stamped<SeedOutcome>> {
        tokio::task::yield_now().await;
        let mut store = self.store.lock().unwrap();
        Ok(stamped(if store.is_some() {
            SeedOutcome::HasNewer(seed.policy.version)
        } else {
            *store = Some(seed.generation);
            let recovering = seed.recovery.is_some();
            SeedOutcome::Taken { recovering }
        }))
    }

    async fn policy_version(&self, _: ConcertId) -> StoreResult<Option<PolicyVersion>> {
        let store = self.store.lock().unwrap();
        Ok(store.map(|_| policy(1).version))
    }

    async fn set_sale(&self, _: ConcertId, _: SaleCount) -> StoreResult<()> {
        Ok(())
    }

    async fn is_empty(&self, _: ConcertId) -> StoreResult<bool> {
        Ok(true)
    }

    async fn remove(&self, _: ConcertId) -> StoreResult<RemoveOutcome> {
        *self.store.lock().unwrap() = None;
        Ok(RemoveOutcome::Removed)
    }
}

type Giving = BoxFuture<'static, StoreResult<Seeding>>;

/// Returns the seeding of the queue by an instance whose next generation is `generation`.
fn instance(stores: &Arc<TestStores>, generation: u64) -> Giving {
    let mut ids = MockIds::new();
    ids.expect_generation().return_const(Generation(generation));
    let (policies, control) = (Arc::clone(stores) as _, Arc::clone(stores) as _);
    let seeding = SeedQueues::new(
        policies,
        no_served_entries(),
        control,
        Arc::new(ids),
        statuses(),
        RECOVERY,
    );
    Box::pin(async move { seeding.one(CONCERT).await })
}

/// Takes one step. Returns the result after the last step.
fn step(giving: &mut Giving) -> Option<Seeding> {
    let waker = noop_waker();
    match giving.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(seeding) => Some(seeding.unwrap()),
        Poll::Pending => None,
    }
}

fn finish(mut giving: Giving) -> Seeding {
    loop {
        if let Some(seeding) = step(&mut giving) {
            return seeding;
        }
    }
}

fn served(recovering: bool) -> Seeding {
    Seeding::Served {
        recovering,
        version: policy(1).version,
    }
}

/// The maximum number of polls of an instance: one for each of its four calls, and one to begin.
const STEPS: usize = 5;

#[test]
fn two_instances_that_give_a_new_queue_at_the_same_time_cause_no_recovery() {
    for order in 0..1_u32 << (2 * STEPS) {
        let stores = Arc::new(TestStores::default());
        let mut instances = [1, 2].map(|generation| Some(instance(&stores, generation)));
        let mut ended = Vec::new();
        for turn in 0..2 * STEPS {
            let next = &mut instances[usize::from(order >> turn & 1 == 1)];
            if let Some(giving) = next
                && let Some(seeding) = step(giving)
            {
                *next = None;
                ended.push(seeding);
            }
        }
        ended.extend(instances.into_iter().flatten().map(finish));
        assert_eq!(ended, [served(false), served(false)], "{order:b}");
        let row = stores.row.lock().unwrap();
        assert!(row.seeded);
        assert_eq!(row.reserved, *stores.store.lock().unwrap(), "{order:b}");
    }
}

#[test]
fn a_process_that_dies_between_the_steps_leaves_nothing_to_recover() {
    for steps in 0..=STEPS {
        let stores = Arc::new(TestStores::default());
        let mut dying = instance(&stores, 1);
        for _ in 0..steps {
            if step(&mut dying).is_some() {
                break;
            }
        }
        drop(dying);
        assert_eq!(finish(instance(&stores, 2)), served(false), "{steps}");
        assert!(stores.row.lock().unwrap().seeded, "{steps}");
    }
}

#[test]
fn a_lost_queue_recovers_even_if_an_instance_has_read_it_as_new() {
    let stores = Arc::new(TestStores::default());
    let mut late = instance(&stores, 2);
    for _ in 0..2 {
        // The instance reads that the queue is new.
        assert_eq!(step(&mut late), None);
    }
    assert_eq!(finish(instance(&stores, 1)), served(false));
    *stores.store.lock().unwrap() = None;
    assert_eq!(finish(late), served(true));
    assert_eq!(*stores.store.lock().unwrap(), Some(Generation(2)));
}
