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
    one_store::OneStore,
    test_store::{Raw, paused_on},
};

/// More than one call is about.
const PEOPLE: usize = 350;

/// How often the server has run this command.
async fn runs(raw: &mut Raw, command: &str) -> u64 {
    let stats: String = raw.ask(&["INFO", "commandstats"]).await;
    let counts = stats.lines().find_map(|line| {
        let counts = line.strip_prefix("cmdstat_")?.strip_prefix(command)?;
        let calls = counts.strip_prefix(":calls=")?;
        calls.split(',').next()?.parse().ok()
    });
    counts.unwrap_or(0)
}

/// What so many who join at once are told, each in their turn.
async fn join_at_once(
    test_queue: &TestQueue<RedisStore>,
    people: usize,
) -> Vec<(UserId, JoinOutcome)> {
    let names: Vec<_> = (0..people)
        .map(|number| user(&format!("user-{number}")))
        .collect();
    let joins = names
        .iter()
        .map(|name| test_queue.store.join(test_queue.concert, name, None));
    let joined = join_all(joins).await.into_iter();
    let joined: Vec<_> = joined.map(|joined| joined.unwrap().value).collect();
    names.into_iter().zip(joined).collect()
}

/// The place that somebody has just taken.
fn taken((name, outcome): (UserId, JoinOutcome)) -> (Ticket, Standing) {
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
        Standing::Active { .. } => panic!("nobody is admitted: {standing:?}"),
    }
}

#[tokio::test]
async fn a_crowd_shares_a_few_calls_and_each_is_told_of_their_own_place() {
    let server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    // The server knows the scripts from now on.
    let first = test_queue.join("first").await;
    test_queue.standing(&first).await;
    let mut raw = Raw::connect(&server.url()).await;

    let before = runs(&mut raw, "evalsha").await;
    let joined = join_at_once(&test_queue, PEOPLE).await;
    let mut places: Vec<_> = joined.into_iter().map(taken).collect();
    assert_eq!(runs(&mut raw, "evalsha").await - before, 4);

    places.sort_by_key(|(ticket, _)| ticket.arrival);
    let positions = places.iter().map(|(_, standing)| position(*standing));
    assert!(positions.eq(2..2 + PEOPLE as u64));

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
async fn who_joins_twice_at_once_has_one_place() {
    let one = OneStore::open().await;
    let test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
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

/// Nobody is in a call twice: each of them sees what the one before did.
#[tokio::test]
async fn who_passes_the_gate_again_at_once_finds_the_place_extended() {
    let one = OneStore::open().await;
    let mut test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
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

/// What a place once claimed costs at the gate: nothing that changes anything, or that asks about the line.
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
async fn of_those_who_leave_a_place_at_once_one_ends_it() {
    let one = OneStore::open().await;
    let test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    let line = test_queue.line(3).await;
    let leaves = repeat_n(&line[1], 5).map(|ticket| test_queue.store.leave(ticket));
    let left = join_all(leaves).await.into_iter();
    let left: Vec<_> = left.map(|left| left.unwrap().value).collect();
    assert_eq!(left[0], LeaveOutcome::Left);
    assert!(left[1..].iter().all(|left| *left == LeaveOutcome::Gone));
    assert_eq!(position(test_queue.standing(&line[2]).await), 2);
}

#[tokio::test]
async fn who_hangs_up_before_their_call_begins_is_not_asked_for() {
    let one = OneStore::open().await;
    let test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    let (ann, bob) = (user("ann"), user("bob"));
    let (concert, store) = (test_queue.concert, &test_queue.store);
    let bobs = {
        let mut anns = pin!(store.join(concert, &ann, None));
        assert!(poll!(anns.as_mut()).is_pending());
        let mut bobs = Box::pin(store.join(concert, &bob, None));
        assert!(poll!(bobs.as_mut()).is_pending());
        bobs
    };
    let JoinOutcome::Joined(place) = bobs.await.unwrap().value else {
        panic!("bob should have a place");
    };
    assert_eq!(position(place.standing), 1);
}

/// What so many who join at once are told, by such a policy.
async fn join_limited(
    state: PolicyState,
    people: usize,
    limit: impl FnOnce(&mut QueuePolicy),
) -> Vec<(UserId, JoinOutcome)> {
    let one = OneStore::open().await;
    let test_queue = TestQueue::on(one.store.clone());
    let mut seed = test_queue.seed_of(policies::in_state(state), None);
    limit(&mut seed.policy.policy);
    one.store.seed(&seed).await.unwrap();
    join_at_once(&test_queue, people).await
}

#[tokio::test]
async fn of_those_who_share_a_call_as_many_are_let_in_as_the_window_takes() {
    let told = join_limited(PolicyState::Open, 8, |policy| {
        policy.throughput = Some(Throughput {
            admit: 3,
            interval: Duration::from_hours(1),
        });
    });
    let mut places = told.await.into_iter().map(taken);
    for (_, standing) in places.by_ref().take(3) {
        assert!(matches!(standing, Standing::Active { .. }), "{standing:?}");
    }
    let positions = places.map(|(_, standing)| position(standing));
    assert!(positions.eq(1..=5));
}

#[tokio::test]
async fn of_those_who_share_a_call_no_more_wait_than_may() {
    let told = join_limited(PolicyState::Paused, 6, |policy| {
        policy.max_waiting = Some(4);
    });
    let mut told = told.await.into_iter();
    let positions = told.by_ref().take(4).map(|told| position(taken(told).1));
    assert!(positions.eq(1..=4));
    for (name, outcome) in told {
        let is_full = matches!(outcome, JoinOutcome::Refused(JoinRefusal::Full, _));
        assert!(is_full, "{name}: {outcome:?}");
    }
}

/// A call hangs until its time is over; who waited behind it is not sent after it.
#[tokio::test]
async fn who_waits_behind_a_call_that_hangs_is_told_that_nothing_was_done() {
    let mut server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let (ann, bob) = (test_queue.join("ann").await, test_queue.join("bob").await);
    test_queue.standing(&ann).await;
    server.pause().unwrap();
    let mut anns = pin!(test_queue.store.look_up(&ann));
    assert!(poll!(anns.as_mut()).is_pending());
    // Ann's call is under way.
    tokio::task::yield_now().await;
    let (anns, bobs) = tokio::join!(anns, test_queue.store.look_up(&bob));
    assert!(
        matches!(anns, Err(StoreError::OutcomeUnknown { .. })),
        "{anns:?}"
    );
    assert!(
        matches!(bobs, Err(StoreError::NotApplied { .. })),
        "{bobs:?}"
    );
    server.resume().unwrap();
}
