//! A snapshot of the line takes two statements, and still shows one instant.

use frontrow_adapter_mysql::MySqlQueue;
use frontrow_domain::{
    model::queue::{DepartureCursor, Departures, LineSnapshot},
    ports::{Queue, QueueSnapshots, SnapshotOutcome},
};
use frontrow_port_contracts::{policies, test_queue::TestQueue};

use crate::{
    one_queue::{OneQueue, execute, open_test_queue, settings},
    wire::{address_of, statement_gate::StatementGate},
};

/// The beginning of the statement that reads the departures, after the queue was read.
const DEPARTURES: &str = "SELECT l.arrival";

/// Returns a snapshot of the line.
async fn snapshot(
    queue: &MySqlQueue,
    test_queue: &TestQueue<OneQueue>,
    since: Option<DepartureCursor>,
) -> LineSnapshot {
    match queue
        .snapshot(test_queue.concert, since)
        .await
        .unwrap()
        .value
    {
        SnapshotOutcome::Seen(line) => line,
        SnapshotOutcome::NotSeeded => panic!("the store has the queue"),
    }
}

/// One user leaves and two are admitted while a snapshot is taken. It shows neither. The next one
/// shows both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_of_one_instant() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    let line = test_queue.crowd(6).await;
    let gate = StatementGate::before(address_of(test_queue.store.url()).await).await;
    let url = gate.wire.url(test_queue.store.url());
    let offset = test_queue.store.offset.clone();
    let slow = MySqlQueue::open(&url, &settings(), offset).await.unwrap();
    let before = snapshot(&slow, &test_queue, None).await;
    test_queue.queue().leave(&line[5]).await.unwrap();
    test_queue.change(policies::bypass()).await;

    gate.stop_at(DEPARTURES);
    let changes = async {
        gate.stopped().await;
        test_queue.queue().leave(&line[4]).await.unwrap();
        assert_eq!(test_queue.admit(2).await.done, 2);
        gate.open();
    };
    let snapshot_during_changes = snapshot(&slow, &test_queue, Some(before.mark));
    let (seen, ()) = futures_util::future::join(snapshot_during_changes, changes).await;
    assert_eq!((seen.waiting, seen.admitted), (5, 0));
    assert_eq!(seen.left, Departures::These(vec![line[5].arrival]));

    let after = snapshot(&slow, &test_queue, Some(seen.mark)).await;
    assert_eq!((after.waiting, after.admitted), (2, 2));
    assert_eq!(after.left, Departures::These(vec![line[4].arrival]));
    assert_eq!(after.admitted_up_to, Some(line[1].arrival));
}

/// The record of departures is a ring. A snapshot contains the departures on both sides of its end.
/// Once the ring has been overwritten, a snapshot returns that the departures are unknown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_misses_no_departure_where_the_ring_wraps_around() {
    let test_queue = open_test_queue(policies::paused()).await;
    let line = test_queue.crowd(8).await;
    let raw = &mut test_queue.store.raw().await;
    let near_the_end = "UPDATE queues SET departures = 3 * 2048 - 3";
    execute(raw, near_the_end).await.unwrap();
    let before = snapshot(test_queue.queue(), &test_queue, None).await;
    for leaver in &line[..6] {
        test_queue.queue().leave(leaver).await.unwrap();
    }
    let mut arrivals: Vec<_> = line[..6].iter().map(|ticket| ticket.arrival).collect();
    match snapshot(test_queue.queue(), &test_queue, Some(before.mark))
        .await
        .left
    {
        Departures::These(mut reported) => {
            reported.sort_unstable();
            arrivals.sort_unstable();
            assert_eq!(reported, arrivals);
        }
        Departures::Unknown => panic!("six have left"),
    }
    let once_round = "UPDATE queues SET departures = departures + 2048 - 5";
    execute(raw, once_round).await.unwrap();
    let after = snapshot(test_queue.queue(), &test_queue, Some(before.mark)).await;
    assert_eq!(after.left, Departures::Unknown);
}
