//! Departures: the users who left the line, as snapshots report them.

use std::collections::BTreeSet;

use frontrow_domain::{
    model::queue::{DepartureCursor, Departures, Ticket},
    ports::SnapshotOutcome,
};

use super::{ContractQueue, QueueFixture, crowd};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    /// Returns the departures since an earlier snapshot, in the order of arrival.
    async fn left_since(&self, cursor: DepartureCursor) -> Departures {
        let mut left = self.snapshot_since(Some(cursor)).await.left;
        if let Departures::These(arrivals) = &mut left {
            arrivals.sort_unstable();
        }
        left
    }
}

/// Returns the departures of these tickets, in the order of arrival.
fn these<'a>(tickets: impl IntoIterator<Item = &'a Ticket>) -> Departures {
    let mut arrivals: Vec<_> = tickets.into_iter().map(|ticket| ticket.arrival).collect();
    arrivals.sort_unstable();
    Departures::These(arrivals)
}

/// The next snapshot reports a user who left the line, and the one after it does not.
pub async fn the_next_snapshot_has_the_departures<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben", "cat", "dan"]).await;
    let first = queue.snapshot().await.mark;
    assert_eq!(queue.left_since(first).await, these([]));
    queue.leave_place(&line[0]).await;
    queue.leave_place(&line[2]).await;
    assert_eq!(queue.left_since(first).await, these([&line[0], &line[2]]));
    let second = queue.snapshot_since(Some(first)).await.mark;
    assert_eq!(queue.left_since(second).await, these([]));
    queue.leave_place(&line[1]).await;
    assert_eq!(queue.left_since(second).await, these([&line[1]]));
}

/// Each caller gets all departures from its own series of snapshots, also if other callers read
/// them before.
pub async fn every_caller_gets_all_departures<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    let cursor = queue.snapshot().await.mark;
    queue.leave_place(&line[0]).await;
    queue.snapshot_since(Some(cursor)).await;
    queue.leave_place(&line[1]).await;
    queue.snapshot_since(Some(cursor)).await;
    assert_eq!(queue.left_since(cursor).await, these(&line));
}

/// A user who leaves, joins again and leaves again is in the departures with both arrivals.
pub async fn a_user_who_left_twice_is_two_departures<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let cursor = queue.snapshot().await.mark;
    let first = queue.join_line("ann").await;
    queue.leave_place(&first).await;
    let second = queue.join_line("ann").await;
    queue.leave_place(&second).await;
    assert_eq!(queue.left_since(cursor).await, these([&first, &second]));
}

/// A user who leaves an active place is no departure. Leaving with the ticket of a place that is
/// gone records nothing.
pub async fn leaving_an_active_place_is_no_departure<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    let ann = queue.join_active("ann").await;
    let line = queue.all_join_line(&["ben", "cat"]).await;
    queue.change(|policy| *policy = policies::capacity(2)).await;
    let cursor = queue.snapshot().await.mark;
    assert_eq!(queue.admit_all().await, 1);
    queue.leave_place(&ann).await;
    queue.leave_place(&line[0]).await;
    queue.assert_gone(&line[0]).await;
    assert_eq!(queue.left_since(cursor).await, these([]));
}

/// A user whose place expired is no departure.
pub async fn an_expired_place_is_no_departure<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    let cursor = queue.snapshot().await.mark;
    queue.serve(WAITING_TTL).await;
    queue.assert_gone(&line[0]).await;
    assert_eq!(queue.left_since(cursor).await, these([]));
}

/// A snapshot without a cursor, or with one from another generation, reports that any user may have
/// left.
pub async fn a_snapshot_without_a_valid_cursor_has_unknown_departures<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let first = queue.snapshot().await;
    assert_eq!(first.left, Departures::Unknown);
    assert_eq!(first.mark.generation, first.generation);
    let before = queue.join_line("ann").await;
    queue.leave_place(&before).await;
    let old = queue.snapshot().await.mark;
    queue.lose_and_recover().await;
    let ben = queue.join_line("ben").await;
    queue.leave_place(&ben).await;
    queue.join_line("cat").await;
    assert_eq!(queue.left_since(old).await, Departures::Unknown);
    let new = queue.snapshot().await.mark;
    assert_eq!(queue.left_since(new).await, these([]));
}

/// A store may forget departures, and then reports them as unknown. It remembers at least the last
/// [`Departures::REMEMBERED_MIN`].
pub async fn a_snapshot_reports_forgotten_departures_as_unknown<F: QueueFixture>(fixture: F) {
    const FIRST: usize = 50;
    const _: () = assert!(Departures::REMEMBERED_MIN.is_multiple_of(FIRST));
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let before = queue.snapshot().await.mark;
    let mut left = Vec::new();
    let mut after = before;
    while left.len() < FIRST + Departures::REMEMBERED_MIN {
        let line = queue.crowd_joins_line(FIRST).await;
        crowd(FIRST, |number| {
            let ((ports, _), ticket) = (queue.for_task(), line[number].clone());
            async move { ports.queue.leave(&ticket).await.expect("leave") }
        })
        .await;
        if left.is_empty() {
            after = queue.snapshot().await.mark;
        }
        left.extend(line);
    }
    let reported = queue.left_since(before).await;
    assert!(reported == Departures::Unknown || reported == these(&left));
    assert!(queue.left_since(after).await == these(&left[FIRST..]));
}

/// While users leave, a series of snapshots, each from the cursor of the one before, misses no
/// departure.
pub async fn consecutive_snapshots_miss_no_departure<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(40).await;
    let (ports, concert) = queue.for_task();
    let mut cursor = queue.snapshot().await.mark;
    let reader = tokio::spawn(async move {
        let mut departed = BTreeSet::new();
        for _ in 0..2_000 {
            let snapshot = ports
                .line
                .snapshot(concert, Some(cursor))
                .await
                .expect("snapshot");
            let SnapshotOutcome::Seen(line) = snapshot.value else {
                panic!("the store has the queue");
            };
            let Departures::These(arrivals) = line.left else {
                panic!("a few have left");
            };
            cursor = line.mark;
            departed.extend(arrivals);
            assert_eq!(line.waiting + departed.len() as u64, 40);
            if line.waiting == 0 {
                return departed;
            }
            tokio::task::yield_now().await;
        }
        panic!("the line does not end");
    });
    crowd(line.len(), |number| {
        let ((ports, _), ticket) = (queue.for_task(), line[number].clone());
        async move { ports.queue.leave(&ticket).await.expect("leave") }
    })
    .await;
    let departed = reader.await.expect("the reader");
    assert_eq!(
        Departures::These(departed.into_iter().collect()),
        these(&line)
    );
}
