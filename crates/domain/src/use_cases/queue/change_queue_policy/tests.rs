use std::{sync::Mutex, time::Duration};

use super::*;
use crate::{
    model::{Performance, Venue},
    ports::{
        MasterPolicy, MockConcerts, MockQueueControl, MockQueuePolicies, MockTimer, SeedOutcome,
    },
    test_support::*,
};

fn change(policies: MockQueuePolicies, control: MockQueueControl) -> ChangeQueuePolicy {
    let mut timer = MockTimer::new();
    timer.expect_sleep().return_const(());
    change_with_timer(policies, control, timer)
}

fn change_with_timer(
    policies: MockQueuePolicies,
    control: MockQueueControl,
    timer: MockTimer,
) -> ChangeQueuePolicy {
    let (policies, control) = (Arc::new(policies), Arc::new(control));
    ChangeQueuePolicy {
        policies: Arc::clone(&policies) as _,
        control: Arc::clone(&control) as _,
        seeding: Arc::new(SeedQueues::new(
            policies,
            no_served_entries(),
            control,
            ids(),
            statuses(),
            RECOVERY,
        )),
        clock: clock(1),
        rules: PolicyRules {
            longest_poll: Duration::from_secs(15),
        },
        concerts: Arc::new(concerts()),
        timer: Arc::new(timer),
        turns: PolicyTurns::default(),
    }
}

/// Returns a catalogue with one performance, which starts at second 700.
fn concerts() -> MockConcerts {
    let mut concerts = MockConcerts::new();
    concerts.expect_performances().returning(|concert| {
        Ok(vec![Performance {
            id: PERFORMANCE,
            concert,
            starts_at: at(700),
            venue: Venue::try_from("A hall").unwrap(),
            seats_total: 2,
            seats_left: 2,
        }])
    });
    concerts
}

fn with_master(version: i64) -> MockQueuePolicies {
    let mut policies = MockQueuePolicies::new();
    policies.expect_find().returning(move |_| {
        Ok(Some(MasterPolicy {
            policy: policy(version),
            seeded: true,
            reserved: None,
        }))
    });
    policies
}

#[tokio::test]
async fn a_change_is_later_than_both_copies_and_in_force_at_once() {
    let mut policies = with_master(2_000_000);
    policies
        .expect_put()
        .withf(|_, based_on, put, by| {
            based_on.0 == 2_000_000 && put.version == PolicyVersion(3_000_001) && by.name == "ops"
        })
        .once()
        .return_once(|_, _, _, _| Ok(PutOutcome::Put));
    let mut control = MockQueueControl::new();
    control
        .expect_policy_version()
        .returning(|_| Ok(Some(PolicyVersion(3_000_000))));
    control
        .expect_seed()
        .once()
        .return_once(|_| Ok(stamped(SeedOutcome::Taken { recovering: false })));
    let answer = change(policies, control)
        .change(CONCERT, &|_| {}, false, "ops")
        .await;
    assert_eq!(
        answer,
        Ok(PolicyAnswer::Changed(PolicyInForce {
            policy: policy(3_000_001),
            in_force: true
        }))
    );
}

#[tokio::test]
async fn a_change_that_the_store_has_not_taken_is_kept_and_reported_as_not_in_force() {
    let mut policies = with_master(1);
    policies
        .expect_put()
        .return_once(|_, _, _, _| Ok(PutOutcome::Put));
    let mut control = MockQueueControl::new();
    control.expect_policy_version().returning(|_| Err(down()));
    control.expect_seed().return_once(|_| Err(down()));
    let change = change(policies, control);
    let answer = change.change(CONCERT, &|_| {}, false, "ops").await.unwrap();
    assert!(matches!(
        answer,
        PolicyAnswer::Changed(PolicyInForce {
            in_force: false,
            ..
        })
    ));
    assert!(change.seeding.statuses().take_wanted().contains(&CONCERT));
    let read = change.read(CONCERT).await.unwrap().unwrap();
    assert!(!read.in_force);
}

#[tokio::test]
async fn only_the_version_that_the_store_has_is_in_force() {
    for (stored, in_force) in [(1, false), (2, true), (3, false)] {
        let mut control = MockQueueControl::new();
        let stored = Some(PolicyVersion(stored));
        control
            .expect_policy_version()
            .return_once(move |_| Ok(stored));
        let read = change(with_master(2), control).read(CONCERT).await;
        assert_eq!(read.unwrap().unwrap().in_force, in_force, "{stored:?}");
    }
}

#[tokio::test]
async fn a_change_that_loses_a_race_is_made_again() {
    let mut policies = with_master(1);
    let mut first = true;
    policies.expect_put().times(2).returning(move |_, _, _, _| {
        Ok(if std::mem::take(&mut first) {
            PutOutcome::Outdated
        } else {
            PutOutcome::Put
        })
    });
    let mut control = MockQueueControl::new();
    control.expect_policy_version().returning(|_| Ok(None));
    control
        .expect_seed()
        .returning(|_| Ok(stamped(SeedOutcome::Taken { recovering: false })));
    let answer = change(policies, control)
        .change(CONCERT, &|_| {}, false, "ops")
        .await;
    assert!(matches!(answer, Ok(PolicyAnswer::Changed(_))));
}

#[tokio::test]
async fn a_change_that_loses_every_race_is_a_conflict() {
    let mut policies = with_master(1);
    policies
        .expect_put()
        .times(20)
        .returning(|_, _, _, _| Ok(PutOutcome::Outdated));
    let mut control = MockQueueControl::new();
    control.expect_policy_version().returning(|_| Ok(None));
    let mut timer = MockTimer::new();
    let pauses = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&pauses);
    timer
        .expect_sleep()
        .returning(move |pause| recorded.lock().unwrap().push(pause));
    let answer = change_with_timer(policies, control, timer)
        .change(CONCERT, &|_| {}, false, "ops")
        .await;
    assert_eq!(answer, Ok(PolicyAnswer::Conflict));
    let pauses = pauses.lock().unwrap();
    assert_eq!(pauses.len(), 19);
    assert!(
        pauses.is_sorted(),
        "the clock stands still, so the pauses grow"
    );
    assert!(pauses[0] < Duration::from_millis(5));
    assert!(pauses[18] > pauses[0] && pauses[18] < Duration::from_millis(100));
}

#[tokio::test]
async fn a_change_that_is_kept_while_the_store_stays_ahead_is_no_conflict() {
    let mut policies = with_master(1);
    let mut puts = 0;
    policies
        .expect_put()
        .times(20)
        .returning(move |_, _, _, _| {
            puts += 1;
            Ok(if puts == 1 {
                PutOutcome::Put
            } else {
                PutOutcome::Outdated
            })
        });
    let mut control = MockQueueControl::new();
    control.expect_policy_version().returning(|_| Err(down()));
    control.expect_seed().returning(|_| {
        let newer = PolicyVersion(9_000_000);
        Ok(stamped(SeedOutcome::HasNewer(newer)))
    });
    let answer = change(policies, control)
        .change(CONCERT, &|_| {}, false, "ops")
        .await;
    assert_eq!(
        answer,
        Ok(PolicyAnswer::Changed(PolicyInForce {
            policy: policy(1_000_000),
            in_force: false
        }))
    );
}

#[tokio::test]
async fn a_change_that_a_later_change_builds_on_is_not_made_again() {
    let mut policies = MockQueuePolicies::new();
    let mut versions = vec![5_000_000, 5_000_000, 1];
    policies.expect_find().returning(move |_| {
        Ok(Some(MasterPolicy {
            policy: policy(versions.pop().unwrap()),
            seeded: true,
            reserved: None,
        }))
    });
    policies
        .expect_put()
        .once()
        .return_once(|_, _, _, _| Ok(PutOutcome::Put));
    let mut control = MockQueueControl::new();
    control.expect_policy_version().returning(|_| Ok(None));
    control
        .expect_seed()
        .once()
        .return_once(|_| Ok(stamped(SeedOutcome::Taken { recovering: false })));
    let answer = change(policies, control)
        .change(CONCERT, &|_| {}, false, "ops")
        .await;
    assert!(matches!(
        answer,
        Ok(PolicyAnswer::Changed(PolicyInForce { in_force: true, .. }))
    ));
}

#[tokio::test]
async fn a_store_with_a_newer_policy_gets_one_that_is_newer_still() {
    let mut policies = with_master(1);
    policies
        .expect_put()
        .times(2)
        .returning(|_, _, _, _| Ok(PutOutcome::Put));
    let mut control = MockQueueControl::new();
    let mut versions = vec![Ok(Some(PolicyVersion(9_000_000))), Err(down())];
    control
        .expect_policy_version()
        .returning(move |_| versions.pop().unwrap());
    let mut seeded = false;
    control.expect_seed().times(2).returning(move |_| {
        Ok(stamped(if std::mem::replace(&mut seeded, true) {
            SeedOutcome::Taken { recovering: false }
        } else {
            SeedOutcome::HasNewer(PolicyVersion(9_000_000))
        }))
    });
    let answer = change(policies, control)
        .change(CONCERT, &|_| {}, false, "ops")
        .await;
    assert_eq!(
        answer,
        Ok(PolicyAnswer::Changed(PolicyInForce {
            policy: policy(9_000_001),
            in_force: true
        }))
    );
}

#[tokio::test]
async fn a_queue_opens_before_the_last_performance_starts() {
    for (opens_at, allow_past, plausible) in
        [(701, false, false), (701, true, true), (700, false, true)]
    {
        let mut policies = with_master(1);
        policies
            .expect_put()
            .times(usize::from(plausible))
            .returning(|_, _, _, _| Ok(PutOutcome::Put));
        let mut control = MockQueueControl::new();
        control.expect_policy_version().returning(|_| Ok(None));
        control
            .expect_seed()
            .returning(|_| Ok(stamped(SeedOutcome::Taken { recovering: false })));
        let edit = |policy: &mut QueuePolicy| policy.opens_at = Some(at(opens_at));
        let answer = change(policies, control)
            .change(CONCERT, &edit, allow_past, "ops")
            .await
            .unwrap();
        match answer {
            PolicyAnswer::Changed(_) => assert!(plausible),
            PolicyAnswer::Invalid(faults) => assert_eq!(faults[0].0, "opens_at"),
            PolicyAnswer::NoSuchConcert | PolicyAnswer::Conflict => panic!("{answer:?}"),
        }
    }
}

#[tokio::test]
async fn an_invalid_policy_changes_nothing() {
    let invalid = |policy: &mut QueuePolicy| policy.throughput = None;
    let answer = change(with_master(1), MockQueueControl::new())
        .change(CONCERT, &invalid, false, "ops")
        .await
        .unwrap();
    assert!(matches!(answer, PolicyAnswer::Invalid(faults) if faults[0].0 == "throughput"));
}

#[tokio::test]
async fn an_opening_from_before_todays_rules_prevents_no_other_change() {
    for (edited, is_valid) in [
        (Timestamp::MAX, true),
        (Timestamp::MAX - Duration::from_secs(1), false),
    ] {
        let mut policies = MockQueuePolicies::new();
        policies.expect_find().returning(|_| {
            let mut policy = policy(1);
            policy.policy.opens_at = Some(Timestamp::MAX);
            Ok(Some(MasterPolicy {
                policy,
                seeded: true,
                reserved: None,
            }))
        });
        policies
            .expect_put()
            .times(usize::from(is_valid))
            .returning(|_, _, _, _| Ok(PutOutcome::Put));
        let mut control = MockQueueControl::new();
        control.expect_policy_version().returning(|_| Ok(None));
        control
            .expect_seed()
            .returning(|_| Ok(stamped(SeedOutcome::Taken { recovering: false })));
        let edit = |policy: &mut QueuePolicy| policy.opens_at = Some(edited);
        let answer = change(policies, control)
            .change(CONCERT, &edit, true, "ops")
            .await
            .unwrap();
        match answer {
            PolicyAnswer::Changed(_) => assert!(is_valid),
            PolicyAnswer::Invalid(faults) => {
                assert!(!is_valid);
                assert_eq!(faults[0].0, "opens_at");
            }
            PolicyAnswer::NoSuchConcert | PolicyAnswer::Conflict => panic!("{answer:?}"),
        }
    }
}
