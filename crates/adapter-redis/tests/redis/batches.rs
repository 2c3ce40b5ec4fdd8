//! Concurrent requests share calls, and each gets the reply about its own user's place.

use std::{iter::repeat_n, pin::pin, time::Duration};

use frontrow_adapter_redis::RedisStore;
use frontrow_domain::{
    model::{
        UserId,
        queue::{GatePurpose, JoinRefusal, PolicyState, QueuePolicy, Standing, Throughput, Ticket},
    },
    ports::{
        GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Queue, QueueControl, StoreError,
    },
};
use frontrow_port_contracts::{
    policies,
    test_queue::{TestQueue, user},
};
use frontrow_test_harness::RedisServer;
use futures_util::{future::join_all, poll};

use crate::{
    store_fixture::StoreFixture,
    test_store::{Raw, paused_on},
};

/// More users than one batch takes.
const USERS: usize = 350;

/// Returns the number of times that the server has run this command.
async fn runs(raw: &mut Raw, command: &str) -> u64 {
    let stats: String = raw.run(&["INFO", "commandstats"]).await;
    let counts = stats.lines().find_map(|line| {
        let counts = line.strip_prefix("cmdstat_")?.strip_prefix(command)?;
        let calls = counts.strip_prefix(":calls=")?;
        calls.split(',').next()?.parse().ok()
    });
    counts.unwrap_or(0)
}

/// Lets this number of users join at once. Returns the outcome for each, in the order of the calls.
async fn join_at_once(
    test_queue: &TestQueue<RedisStore>,
    users: usize,
) -> Vec<(UserId, JoinOutcome)> {
    let names: Vec<_> = (0..users)
        .map(|number| user(&format!("user-{number}")))
        .collect();
    let joins = names
        .iter()
        .map(|name| test_queue.store.join(test_queue.concert, name, None));
    let joined = join_all(joins).await.into_iter();
    let joined: Vec<_> = joined.map(|joined| joined.unwrap().value).collect();
    names.into_iter().zip(joined).collect()
}

/// Returns the new place of a user. Panics if the user has none.
fn new_place((name, outcome): (UserId, JoinOutcome)) -> (Ticket, Standing) {
    match outcome {
        JoinOutcome::Joined(place) => {
            assert_eq!(place.ticket.user, name);
            (place.ticket, place.standing)
        }
        other => panic!("{name} should have a new place: {other:?}"),
    }
}

fn position(standing: Standing) -> u64 {
    match standing {
        Standing::Waiting { position, .. } => position,
        Standing::Active { .. } => panic!("no user is admitted: {standing:?}"),
    }
}

#[tokio::test]
async fn concurrent_users_share_a_few_calls_and_each_gets_their_own_place() {
    let server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    // Loads the scripts, which would count as calls.
    let first = test_queue.join("first").await;
    test_queue.standing(&first).await;
    let mut raw = Raw::connect(&server.url()).await;

    let before = runs(&mut raw, "evalsha").await;
    let joined = join_at_once(&test_queue, USERS).await;
    let mut places: Vec<_> = joined.into_iter().map(new_place).collect();
    assert_eq!(runs(&mut raw, "evalsha").await - before, 4);

    places.sort_by_key(|(ticket, _)| ticket.arrival);
    let positions = places.iter().map(|(_, standing)| position(*standing));
    assert!(positions.eq(2..2 + USERS as u64));

    let before = runs(&mut raw, "evalsha").await;
    let looks = places
        .iter()
        .map(|(ticket, _)| test_queue.store.look_up(ticket));
    for (looked, (ticket, standing)) in join_all(looks).await.into_iter().zip(&places) {
        let LookUpOutcome::Found(place) = looked.unwrap().value else {
            panic!("{} should have a place", ticket.user);
        };
        assert_eq!(&place.ticket, ticket);
        assert_eq!(position(place.standing), position(*standing));
    }
    assert_eq!(runs(&mut raw, "evalsha").await - before, 4);
}

#[tokio::test]
async fn a_user_who_joins_several_times_at_once_has_one_place() {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    let ann = user("ann");
    let joins = repeat_n((), 40).map(|()| test_queue.store.join(test_queue.concert, &ann, None));
    let mut tickets = Vec::new();
    let mut joined = 0;
    for outcome in join_all(joins).await {
        match outcome.unwrap().value {
            JoinOutcome::Joined(place) => {
                joined += 1;
                tickets.push(place.ticket);
            }
            JoinOutcome::Held(place) => tickets.push(place.ticket),
            other => panic!("ann should have a place: {other:?}"),
        }
    }
    assert_eq!(joined, 1);
    assert!(tickets.windows(2).all(|two| two[0] == two[1]));
    assert_eq!(test_queue.expire(1).await.waiting, 1);
}

/// No user is in a call twice, so each call of the user sees the effect of the one before.
#[tokio::test]
async fn a_user_who_passes_the_gate_again_at_once_keeps_the_extended_place() {
    let fixture = StoreFixture::open().await;
    let mut test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    test_queue.change(policies::bypass()).await;
    let ann = test_queue.join("ann").await;
    let hold = GatePurpose::Hold {
        hold_for: Duration::from_hours(2),
    };
    let purposes = [GatePurpose::Browse, hold, GatePurpose::Browse];
    let passes = purposes.map(|purpose| test_queue.store.pass_gate(&ann, purpose));
    let ends = join_all(passes).await.into_iter().map(|passed| {
        let GateOutcome::Passed(place) = passed.unwrap().value else {
            panic!("ann is active");
        };
        match place.standing {
            Standing::Active { until, claimed, .. } => (until, claimed),
            Standing::Waiting { .. } => panic!("ann is active"),
        }
    });
    let ends: Vec<_> = ends.collect();
    assert!(ends[0].0 < ends[1].0, "{ends:?}");
    assert_eq!(ends[1], ends[2]);
    let Standing::Active { until, claimed, .. } = test_queue.standing(&ann).await else {
        panic!("ann is active");
    };
    assert_eq!((until, claimed), ends[2]);
}

/// A claimed place costs no write at the gate, and no read of the line.
#[tokio::test]
async fn a_place_that_was_claimed_is_only_read() {
    let server = RedisServer::start().await.unwrap();
    let mut test_queue = paused_on(&server).await;
    test_queue.change(policies::bypass()).await;
    let ann = test_queue.join("ann").await;
    let pass = || test_queue.store.pass_gate(&ann, GatePurpose::Browse);
    let claimed = pass().await.unwrap().value;

    let mut raw = Raw::connect(&server.url()).await;
    let before = (
        runs(&mut raw, "zmscore").await,
        runs(&mut raw, "hset").await,
    );
    for _ in 0..5 {
        assert_eq!(pass().await.unwrap().value, claimed);
        test_queue.standing(&ann).await;
    }
    let after = (
        runs(&mut raw, "zmscore").await,
        runs(&mut raw, "hset").await,
    );
    assert_eq!(after, before);
}

#[tokio::test]
async fn of_several_calls_at_once_to_leave_a_place_only_the_first_ends_it() {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    let line = test_queue.line(3).await;
    let leaves = repeat_n(&line[1], 5).map(|ticket| test_queue.store.leave(ticket));
    let left = join_all(leaves).await.into_iter();
    let left: Vec<_> = left.map(|left| left.unwrap().value).collect();
    assert_eq!(left[0], LeaveOutcome::Left);
    assert!(left[1..].iter().all(|left| *left == LeaveOutcome::Gone));
    assert_eq!(position(test_queue.standing(&line[2]).await), 2);
}

#[tokio::test]
async fn a_request_dropped_before_its_batch_begins_is_not_sent() {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    let (ann, bob) = (user("ann"), user("bob"));
    let (concert, store) = (test_queue.concert, &test_queue.store);
    let bob_call = {
        let mut ann_call = pin!(store.join(concert, &ann, None));
        assert!(poll!(ann_call.as_mut()).is_pending());
        let mut bob_call = Box::pin(store.join(concert, &bob, None));
        assert!(poll!(bob_call.as_mut()).is_pending());
        bob_call
    };
    let JoinOutcome::Joined(place) = bob_call.await.unwrap().value else {
        panic!("bob should have a place");
    };
    assert_eq!(position(place.standing), 1);
}

/// Lets this number of users join at once, under a policy with this limit. Returns the outcomes.
async fn join_under_limit(
    state: PolicyState,
    users: usize,
    limit: impl FnOnce(&mut QueuePolicy),
) -> Vec<(UserId, JoinOutcome)> {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::on(fixture.store.clone());
    let mut seed = test_queue.seed_of(policies::in_state(state), None);
    limit(&mut seed.policy.policy);
    fixture.store.seed(&seed).await.unwrap();
    join_at_once(&test_queue, users).await
}

#[tokio::test]
async fn a_batch_of_joins_admits_only_as_many_users_as_the_window_takes() {
    let outcomes = join_under_limit(PolicyState::Open, 8, |policy| {
        policy.throughput = Some(Throughput {
            admit: 3,
            interval: Duration::from_hours(1),
        });
    });
    let mut places = outcomes.await.into_iter().map(new_place);
    for (_, standing) in places.by_ref().take(3) {
        assert!(matches!(standing, Standing::Active { .. }), "{standing:?}");
    }
    let positions = places.map(|(_, standing)| position(standing));
    assert!(positions.eq(1..=5));
}

#[tokio::test]
async fn a_batch_of_joins_fills_the_line_only_up_to_its_limit() {
    let outcomes = join_under_limit(PolicyState::Paused, 6, |policy| {
        policy.max_waiting = Some(4);
    });
    let mut outcomes = outcomes.await.into_iter();
    let positions = outcomes
        .by_ref()
        .take(4)
        .map(|joined| position(new_place(joined).1));
    assert!(positions.eq(1..=4));
    for (name, outcome) in outcomes {
        let is_full = matches!(outcome, JoinOutcome::Refused(JoinRefusal::Full, _));
        assert!(is_full, "{name}: {outcome:?}");
    }
}

/// A call gets no reply until its time-out. A request that waits behind it is not sent afterwards.
#[tokio::test]
async fn a_request_behind_a_call_without_a_reply_fails_as_not_applied() {
    let mut server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let (ann, bob) = (test_queue.join("ann").await, test_queue.join("bob").await);
    test_queue.standing(&ann).await;
    server.pause().unwrap();
    let mut ann_call = pin!(test_queue.store.look_up(&ann));
    assert!(poll!(ann_call.as_mut()).is_pending());
    // Ann's call is under way.
    tokio::task::yield_now().await;
    let (ann_result, bob_result) = tokio::join!(ann_call, test_queue.store.look_up(&bob));
    assert!(
        matches!(ann_result, Err(StoreError::OutcomeUnknown { .. })),
        "{ann_result:?}"
    );
    assert!(
        matches!(bob_result, Err(StoreError::NotApplied { .. })),
        "{bob_result:?}"
    );
    server.resume().unwrap();
}
