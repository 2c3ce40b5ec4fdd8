//! Two instances that give a store the same queue, in every order of their steps.

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
struct World {
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
impl QueuePolicies for World {
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
impl QueueControl for World {
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

/// An instance that would choose this generation, about to give the queue to the store.
fn instance(world: &Arc<World>, generation: u64) -> Giving {
    let mut ids = MockIds::new();
    ids.expect_generation().return_const(Generation(generation));
    let (policies, control) = (Arc::clone(world) as _, Arc::clone(world) as _);
    let seeding = SeedQueues::new(
        policies,
        nobody_served(),
        control,
        Arc::new(ids),
        statuses(),
        RECOVERY,
    );
    Box::pin(async move { seeding.one(CONCERT).await })
}

/// Takes one step. Returns the result of all steps after the last one.
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
fn two_that_give_a_new_queue_at_the_same_time_recover_nothing() {
    for order in 0..1_u32 << (2 * STEPS) {
        let world = Arc::new(World::default());
        let mut instances = [1, 2].map(|generation| Some(instance(&world, generation)));
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
        let row = world.row.lock().unwrap();
        assert!(row.seeded);
        assert_eq!(row.reserved, *world.store.lock().unwrap(), "{order:b}");
    }
}

#[test]
fn a_process_that_dies_between_the_steps_leaves_nothing_to_recover() {
    for steps in 0..=STEPS {
        let world = Arc::new(World::default());
        let mut dying = instance(&world, 1);
        for _ in 0..steps {
            if step(&mut dying).is_some() {
                break;
            }
        }
        drop(dying);
        assert_eq!(finish(instance(&world, 2)), served(false), "{steps}");
        assert!(world.row.lock().unwrap().seeded, "{steps}");
    }
}

#[test]
fn a_queue_that_was_served_and_lost_recovers_also_for_an_instance_that_knew_it_as_new() {
    let world = Arc::new(World::default());
    let mut late = instance(&world, 2);
    for _ in 0..2 {
        // It has read that the queue is new.
        assert_eq!(step(&mut late), None);
    }
    assert_eq!(finish(instance(&world, 1)), served(false));
    *world.store.lock().unwrap() = None;
    assert_eq!(finish(late), served(true));
    assert_eq!(*world.store.lock().unwrap(), Some(Generation(2)));
}
