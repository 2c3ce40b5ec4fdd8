use mockall::Sequence;

use super::*;
use crate::{
    model::queue::{Arrival, Generation},
    ports::{MockQueueControl, MockQueuePolicies, MockServedArrivals, RemoveOutcome},
    test_support::*,
};

fn seeding(policies: MockQueuePolicies, control: MockQueueControl) -> SeedQueues {
    SeedQueues::new(
        Arc::new(policies),
        no_served_entries(),
        Arc::new(control),
        ids(),
        statuses(),
        RECOVERY,
    )
}

fn master(seeded: bool) -> MasterPolicy {
    MasterPolicy {
        policy: policy(1),
        seeded,
        reserved: None,
    }
}

#[tokio::test]
async fn a_new_queue_has_its_reserved_generation_and_nothing_to_recover() {
    let mut order = Sequence::new();
    let mut policies = MockQueuePolicies::new();
    let mut control = MockQueueControl::new();
    policies
        .expect_find()
        .return_once(|_| Ok(Some(master(false))));
    policies
        .expect_reserve_generation()
        .withf(|_, generation| *generation == Generation(9))
        .once()
        .in_sequence(&mut order)
        .return_once(|_, _| Ok(ReserveOutcome::Reserved(Generation(5))));
    control
        .expect_seed()
        .withf(|seed| seed.recovery.is_none() && seed.generation == Generation(5))
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(stamped(SeedOutcome::Taken { recovering: false })));
    policies
        .expect_mark_seeded()
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(()));
    assert_eq!(
        seeding(policies, control).one(CONCERT).await,
        Ok(Seeding::Served {
            recovering: false,
            version: policy(1).version
        })
    );
}

#[tokio::test]
async fn a_queue_that_was_served_before_recovers_if_it_is_lost() {
    let mut policies = MockQueuePolicies::new();
    let mut control = MockQueueControl::new();
    policies
        .expect_find()
        .return_once(|_| Ok(Some(master(true))));
    control
        .expect_seed()
        .withf(|seed| seed.recovery == Some(RECOVERY))
        .once()
        .return_once(|_| Ok(stamped(SeedOutcome::Taken { recovering: true })));
    let seeding = seeding(policies, control);
    let version = policy(1).version;
    let recovering = true;
    assert_eq!(
        seeding.one(CONCERT).await,
        Ok(Seeding::Served {
            recovering,
            version
        })
    );
    assert_eq!(seeding.statuses.recovering(), [CONCERT]);
    assert!(seeding.statuses.is_in_store(CONCERT, version));
}

/// Gives the store a queue that was seeded before. `served` is the answer of the database about
/// served users. Returns the recovery in the seed.
async fn recovery_of_seeded_queue(
    served: StoreResult<Option<Arrival>>,
) -> StoreResult<Option<Recovery>> {
    let mut arrivals = MockServedArrivals::new();
    arrivals
        .expect_served_before_loss()
        .return_once(move |_| served);
    let recovery = Arc::new(std::sync::Mutex::new(None));
    let given = Arc::clone(&recovery);
    let mut control = MockQueueControl::new();
    control.expect_seed().returning(move |seed| {
        *given.lock().unwrap() = seed.recovery;
        Ok(stamped(SeedOutcome::Taken { recovering: true }))
    });
    let seeding = SeedQueues {
        served: Arc::new(arrivals),
        ..seeding(MockQueuePolicies::new(), control)
    };
    seeding.give(CONCERT, master(true)).await?;
    let recovery = *recovery.lock().unwrap();
    Ok(recovery)
}

#[tokio::test]
async fn a_recovery_excludes_users_who_were_served() {
    for served in [None, Some(Arrival::from_micros(5))] {
        let recovery = Recovery {
            served_up_to: served,
            ..RECOVERY
        };
        assert_eq!(
            recovery_of_seeded_queue(Ok(served)).await,
            Ok(Some(recovery))
        );
    }
}

#[tokio::test]
async fn a_queue_is_not_given_while_the_served_entries_cannot_be_read() {
    assert_eq!(recovery_of_seeded_queue(Err(down())).await, Err(down()));
}

#[tokio::test]
async fn a_queue_that_could_not_be_recorded_is_given_again_with_the_same_generation() {
    let mut policies = MockQueuePolicies::new();
    let mut control = MockQueueControl::new();
    policies
        .expect_find()
        .returning(|_| Ok(Some(master(false))));
    policies
        .expect_reserve_generation()
        .times(2)
        .returning(|_, _| Ok(ReserveOutcome::Reserved(Generation(5))));
    let mut failed = false;
    policies.expect_mark_seeded().times(2).returning(move |_| {
        if std::mem::replace(&mut failed, true) {
            Ok(())
        } else {
            Err(down())
        }
    });
    control.expect_seed().times(2).returning(|seed| {
        assert_eq!(seed.recovery, None);
        Ok(stamped(SeedOutcome::Taken { recovering: false }))
    });
    let seeding = seeding(policies, control);
    assert_eq!(seeding.one(CONCERT).await, Err(down()));
    assert!(!seeding.statuses.is_in_store(CONCERT, policy(1).version));
    let served = seeding.one(CONCERT).await;
    assert!(matches!(served, Ok(Seeding::Served { .. })), "{served:?}");
    assert!(seeding.statuses.is_in_store(CONCERT, policy(1).version));
}

#[tokio::test]
async fn a_queue_whose_concert_is_deleted_before_it_is_given_is_not_given() {
    let mut policies = MockQueuePolicies::new();
    policies
        .expect_find()
        .return_once(|_| Ok(Some(master(false))));
    policies
        .expect_reserve_generation()
        .return_once(|_, _| Ok(ReserveOutcome::NoSuchConcert));
    let mut control = MockQueueControl::new();
    control
        .expect_remove()
        .once()
        .return_once(|_| Ok(RemoveOutcome::Removed));
    let seeding = seeding(policies, control);
    assert_eq!(seeding.one(CONCERT).await, Ok(Seeding::NoSuchConcert));
    assert!(seeding.statuses.is_missing(CONCERT));
}

#[tokio::test]
async fn a_queue_that_another_instance_has_seeded_meanwhile_counts_as_served_before() {
    let mut policies = MockQueuePolicies::new();
    let mut control = MockQueueControl::new();
    policies
        .expect_find()
        .return_once(|_| Ok(Some(master(false))));
    policies
        .expect_reserve_generation()
        .return_once(|_, _| Ok(ReserveOutcome::SeededBefore));
    control
        .expect_seed()
        .withf(|seed| seed.recovery == Some(RECOVERY))
        .once()
        .return_once(|_| Ok(stamped(SeedOutcome::HasNewer(policy(2).version))));
    assert_eq!(
        seeding(policies, control).one(CONCERT).await,
        Ok(Seeding::Served {
            recovering: false,
            version: policy(2).version
        })
    );
}

#[tokio::test]
async fn a_store_that_fails_is_not_known_to_have_the_queue() {
    let mut control = MockQueueControl::new();
    control.expect_seed().once().return_once(|_| Err(down()));
    let seeding = seeding(MockQueuePolicies::new(), control);
    assert_eq!(seeding.give(CONCERT, master(true)).await, Err(down()));
    assert!(!seeding.statuses.is_in_store(CONCERT, policy(1).version));
}

#[tokio::test]
async fn the_queue_of_a_missing_concert_is_removed() {
    let mut policies = MockQueuePolicies::new();
    policies.expect_find().return_once(|_| Ok(None));
    let mut control = MockQueueControl::new();
    control
        .expect_remove()
        .once()
        .return_once(|_| Ok(RemoveOutcome::Removed));
    let seeding = seeding(policies, control);
    assert_eq!(seeding.one(CONCERT).await, Ok(Seeding::NoSuchConcert));
    assert!(seeding.statuses.is_missing(CONCERT));
}

#[tokio::test]
async fn a_queue_whose_concert_is_deleted_meanwhile_is_removed() {
    let mut policies = MockQueuePolicies::new();
    policies
        .expect_find()
        .return_once(|_| Ok(Some(master(true))));
    let mut control = MockQueueControl::new();
    let statuses = statuses();
    let deleted = Arc::clone(&statuses);
    control.expect_seed().return_once(move |_| {
        deleted.note_missing(CONCERT);
        Ok(stamped(SeedOutcome::Taken { recovering: true }))
    });
    control
        .expect_remove()
        .once()
        .return_once(|_| Ok(RemoveOutcome::Removed));
    let (policies, control) = (Arc::new(policies), Arc::new(control));
    let seeding = SeedQueues::new(
        policies,
        no_served_entries(),
        control,
        ids(),
        statuses,
        RECOVERY,
    );
    assert_eq!(seeding.one(CONCERT).await, Ok(Seeding::NoSuchConcert));
}
