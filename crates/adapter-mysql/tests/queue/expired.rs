//! Many expired places: they delay no user and make no call more expensive.

use std::time::Duration;

use frontrow_domain::{
    model::queue::{QueuePolicy, Standing, Throughput, Ticket},
    ports::{JoinOutcome, LookUpOutcome, Queue, QueueSnapshots, QueueTicks, TickOutcome},
};
use frontrow_port_contracts::{
    policies::{self, WAITING_TTL},
    test_queue::{TestQueue, report, user},
};
use jiff::SignedDuration;

use crate::{
    long_line,
    one_queue::{OneQueue, execute, open_test_queue, settings},
    wire::meter::Meter,
};

/// Creates a line of which all places but the last are expired, while the queue is served. Returns
/// the last user's ticket.
async fn all_but_the_last_expired(test_queue: &mut TestQueue<OneQueue>, count: i64) -> Ticket {
    let line = long_line::line_up(test_queue, count).await;
    let last = line.last().unwrap().clone();
    // It takes a little longer, since the database needed some time for the line.
    for _ in 0..WAITING_TTL.as_secs() / 4 + 5 {
        test_queue.store.offset.shift(SignedDuration::from_secs(4));
        test_queue
            .queue()
            .expire(test_queue.concert, 0)
            .await
            .unwrap();
    }
    // The last user has sent a heartbeat meanwhile.
    let raw = &mut test_queue.store.raw().await;
    let record = format!(
        "UPDATE queue_places SET since_us = since_us + 50 * 1000000 WHERE user_id = '{}'",
        last.user
    );
    execute(raw, &record).await.unwrap();
    test_queue.store.offset.shift(SignedDuration::from_secs(1));
    last
}

/// Returns the number of rows that each call reads, with `count` expired places.
async fn cost(count: i64) -> Vec<(&'static str, u64)> {
    let limited = QueuePolicy {
        max_waiting: Some(10_000_000),
        ..policies::paused()
    };
    let mut test_queue = open_test_queue(limited).await;
    let last = all_but_the_last_expired(&mut test_queue, count).await;
    let meter = Meter::before(test_queue.store.url()).await;
    let url = meter.wire.url(test_queue.store.url());
    let offset = test_queue.store.offset.clone();
    let queue = frontrow_adapter_mysql::MySqlQueue::open(&url, &settings(), offset)
        .await
        .unwrap();
    let mut cost = Vec::new();
    let mut note = |what| cost.push((what, meter.take().iter().map(|one| one.read).sum()));
    meter.take();
    queue.look_up(&last).await.unwrap();
    note("look up");
    queue.snapshot(test_queue.concert, None).await.unwrap();
    note("snapshot");
    queue
        .join(test_queue.concert, &user("new"), None)
        .await
        .unwrap();
    note("join");
    queue.expire(test_queue.concert, 100).await.unwrap();
    note("expire some");
    test_queue.change(policies::throughput(10)).await;
    queue.admit(test_queue.concert, 10).await.unwrap();
    note("admit");
    cost
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_expired_places_make_no_call_more_expensive() {
    assert_eq!(cost(5_000).await, cost(50_000).await);
}

/// A user whose place is not expired gets an answer at once, and so does a user who joins, however
/// many expired places are not removed yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_user_waits_for_the_removal_of_expired_places() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    let last = all_but_the_last_expired(&mut test_queue, 20_000).await;
    let found = test_queue.queue().look_up(&last).await.unwrap().value;
    let LookUpOutcome::Found(place) = found else {
        panic!("the last user has a place: {found:?}");
    };
    assert!(matches!(place.standing, Standing::Waiting { .. }));
    test_queue.change(policies::throughput(1)).await;
    while test_queue.admit(1).await.more {}
    let standing = test_queue.look_up(&last).await.standing;
    assert!(matches!(standing, Standing::Active { .. }), "{standing:?}");
    // Only expired places wait, so a queue with room admits at once.
    test_queue.change(policies::throughput(2)).await;
    let joined = test_queue
        .queue()
        .join(test_queue.concert, &user("new"), None)
        .await;
    let JoinOutcome::Joined(place) = joined.unwrap().value else {
        panic!("the queue takes users");
    };
    assert!(matches!(place.standing, Standing::Active { .. }));
    let mut removed = 0;
    loop {
        let report = test_queue.expire(500).await;
        removed += report.done;
        if !report.more {
            assert_eq!(report.waiting, 0);
            break;
        }
    }
    assert_eq!(removed, 20_000);
}

/// An outage moves the deadlines of places that admission has passed, and an attempt to admit comes
/// before each removal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passed_places_are_removed_after_an_outage() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    all_but_the_last_expired(&mut test_queue, 1_000).await;
    test_queue.change(policies::throughput(1)).await;
    while test_queue.admit(10).await.more {}
    test_queue.store.offset.shift(SignedDuration::from_mins(10));
    test_queue.admit(10).await;
    assert_eq!(test_queue.expire(5_000).await.done, 1_000);
}

/// Users who re-entered have no numbers, so admission cannot pass their places once those are
/// expired. If it reads no other places it asks for no further attempt, and expiry comes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiry_makes_way_where_more_users_reentered_than_a_tick_reads() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    let last = all_but_the_last_expired(&mut test_queue, 5_000).await;
    let raw = &mut test_queue.store.raw().await;
    for reentered in [
        "UPDATE queue_places SET phase = 0, seq = NULL",
        "UPDATE queues SET reentered = waiting, last_seq = 0, line_since = NULL",
    ] {
        execute(raw, reentered).await.unwrap();
    }
    test_queue.change(policies::throughput(10)).await;
    let report = test_queue.admit(10).await;
    assert_eq!((report.done, report.more), (0, false));
    while test_queue.expire(500).await.more {}
    assert_eq!(test_queue.admit(10).await.done, 1);
    assert!(!test_queue.waits(&last).await);
}

/// Admission fills every window while expired places are removed as fast as possible.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiry_takes_no_window_from_admission() {
    const WINDOWS: u32 = 20;
    const EACH: u32 = 10;
    let mut test_queue = open_test_queue(policies::paused()).await;
    all_but_the_last_expired(&mut test_queue, 20_000).await;
    let fast = QueuePolicy {
        throughput: Some(Throughput {
            admit: EACH,
            interval: Duration::from_millis(100),
        }),
        ..policies::throughput(EACH)
    };
    for number in 0..EACH * WINDOWS {
        test_queue.join_new(&format!("late-{number}")).await;
    }
    test_queue.change(fast).await;
    let (queue, concert) = (
        test_queue.store.another(&settings()).await,
        test_queue.concert,
    );
    let expiring = tokio::spawn(async move {
        while report(queue.expire(concert, 50).await.unwrap().value).more {}
    });
    // Windows pass only when this test shifts the time.
    for window in 1..=WINDOWS {
        let mut admitted = 0;
        loop {
            let ticked = test_queue
                .queue()
                .admit(test_queue.concert, EACH)
                .await
                .unwrap()
                .value;
            let TickOutcome::Ticked(report) = ticked else {
                panic!("admission gave up its turn: {ticked:?}");
            };
            admitted += report.done;
            if !report.more {
                break;
            }
        }
        assert!(
            admitted >= EACH || window > WINDOWS - 2,
            "window {window}: {admitted}"
        );
        test_queue
            .store
            .offset
            .shift(SignedDuration::from_millis(100));
    }
    expiring.await.unwrap();
}
