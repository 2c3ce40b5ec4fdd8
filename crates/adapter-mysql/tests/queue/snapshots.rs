//! A snapshot of the line takes two statements, and is still of one instant.

use frontrow_adapter_mysql::MySqlQueue;
use frontrow_domain::{
    model::queue::{DepartureCursor, Departures, LineSnapshot},
    ports::{Queue, QueueSnapshots, SnapshotOutcome},
};

use crate::{
    one_queue::{execute, settings},
    test_queue::{TestQueue, bypass, paused},
    wire::{address_of, statement_gate::StatementGate},
};

/// How the statement begins that reads the departures, after the queue was read.
const DEPARTURES: &str = "SELECT l.arrival";

async fn see(queue: &MySqlQueue, hall: &TestQueue, since: Option<DepartureCursor>) -> LineSnapshot {
    match queue.snapshot(hall.concert, since).await.unwrap().value {
        SnapshotOutcome::Seen(line) => line,
        SnapshotOutcome::NotSeeded => panic!("the store has the queue"),
    }
}

/// One user leaves and two are admitted while a snapshot is taken, which has neither, and both are in
/// the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_of_one_instant() {
    let mut hall = TestQueue::open(paused()).await;
    let line = hall.line_up(6).await;
    let gate = StatementGate::before(address_of(hall.store.url()).await).await;
    let url = gate.wire.url(hall.store.url());
    let offset = hall.store.offset.clone();
    let slow = MySqlQueue::open(&url, &settings(), offset).await.unwrap();
    let before = see(&slow, &hall, None).await;
    hall.queue().leave(&line[5]).await.unwrap();
    hall.change(bypass()).await;

    gate.stop_at(DEPARTURES);
    let meanwhile = async {
        gate.stopped().await;
        hall.queue().leave(&line[4]).await.unwrap();
        assert_eq!(hall.admit(2).await.done, 2);
        gate.open();
    };
    let looking = see(&slow, &hall, Some(before.mark));
    let (seen, ()) = futures_util::future::join(looking, meanwhile).await;
    assert_eq!((seen.waiting, seen.admitted), (5, 0));
    assert_eq!(seen.left, Departures::These(vec![line[5].arrival]));

    let after = see(&slow, &hall, Some(seen.mark)).await;
    assert_eq!((after.waiting, after.admitted), (2, 2));
    assert_eq!(after.left, Departures::These(vec![line[4].arrival]));
    assert_eq!(after.admitted_up_to, Some(line[1].arrival));
}

/// The record of those who left is a ring: who leaves past its end is told of like everybody else, and who looks
/// after it has gone round is told that anybody may have left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_missed_where_the_record_begins_anew() {
    let hall = TestQueue::open(paused()).await;
    let line = hall.line_up(8).await;
    let raw = &mut hall.store.raw().await;
    let near_the_end = "UPDATE queues SET departures = 3 * 2048 - 3";
    execute(raw, near_the_end).await.unwrap();
    let before = see(hall.queue(), &hall, None).await;
    for leaver in &line[..6] {
        hall.queue().leave(leaver).await.unwrap();
    }
    let mut arrivals: Vec<_> = line[..6].iter().map(|ticket| ticket.arrival).collect();
    match see(hall.queue(), &hall, Some(before.mark)).await.left {
        Departures::These(mut told) => {
            told.sort_unstable();
            arrivals.sort_unstable();
            assert_eq!(told, arrivals);
        }
        Departures::Unknown => panic!("six have left"),
    }
    let once_round = "UPDATE queues SET departures = departures + 2048 - 5";
    execute(raw, once_round).await.unwrap();
    let after = see(hall.queue(), &hall, Some(before.mark)).await;
    assert_eq!(after.left, Departures::Unknown);
}
