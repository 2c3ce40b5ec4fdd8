//! Departures: what snapshots of a line report about users who left it.

use std::collections::BTreeSet;

use frontrow_domain::{
    model::queue::{DepartureCursor, Departures, Ticket},
    ports::SnapshotOutcome,
};

use super::{ContractQueue, QueueFixture, crowd};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    /// Returns the departures since an earlier snapshot, in the order of arrival.
    async fn left_since(&self, mark: DepartureCursor) -> Departures {
        let mut left = self.see_since(Some(mark)).await.left;
        if let Departures::These(arrivals) = &mut left {
            arrivals.sort_unstable();
        }
        left
    }
}

/// The departures of these tickets, in the order of arrival.
fn these<'a>(tickets: impl IntoIterator<Item = &'a Ticket>) -> Departures {
    let mut arrivals: Vec<_> = tickets.into_iter().map(|ticket| ticket.arrival).collect();
    arrivals.sort_unstable();
    Departures::These(arrivals)
}

/// The next snapshot reports a user who left the line, and the one after it does not.
pub async fn the_next_look_tells_who_left<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_line_up(&["ann", "ben", "cat", "dan"]).await;
    let first = queue.see().await.mark;
    assert_eq!(queue.left_since(first).await, these([]));
    queue.go(&line[0]).await;
    queue.go(&line[2]).await;
    assert_eq!(queue.left_since(first).await, these([&line[0], &line[2]]));
    let second = queue.see_since(Some(first)).await.mark;
    assert_eq!(queue.left_since(second).await, these([]));
    queue.go(&line[1]).await;
    assert_eq!(queue.left_since(second).await, these([&line[1]]));
}

/// Each caller gets all departures from its own series of snapshots, whatever other callers have
/// read meanwhile.
pub async fn every_caller_is_told_who_left<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_line_up(&["ann", "ben"]).await;
    let mark = queue.see().await.mark;
    queue.go(&line[0]).await;
    queue.see_since(Some(mark)).await;
    queue.go(&line[1]).await;
    queue.see_since(Some(mark)).await;
    assert_eq!(queue.left_since(mark).await, these(&line));
}

/// A user who leaves, joins again and leaves again is reported with both arrivals.
pub async fn who_left_twice_is_told_of_twice<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let mark = queue.see().await.mark;
    let first = queue.line_up("ann").await;
    queue.go(&first).await;
    let second = queue.line_up("ann").await;
    queue.go(&second).await;
    assert_eq!(queue.left_since(mark).await, these([&first, &second]));
}

/// A user who leaves an active place has not left the line. Leaving with the ticket of a place that
/// is gone records nothing.
pub async fn who_leaves_elsewhere_has_not_left_the_line<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    let ann = queue.walk_in("ann").await;
    let line = queue.all_line_up(&["ben", "cat"]).await;
    queue.change(|policy| *policy = policies::capacity(2)).await;
    let mark = queue.see().await.mark;
    assert_eq!(queue.admit_all().await, 1);
    queue.go(&ann).await;
    queue.go(&line[0]).await;
    queue.is_gone(&line[0]).await;
    assert_eq!(queue.left_since(mark).await, these([]));
}

/// A user who was admitted, or whose place expired, is not a departure.
pub async fn who_gave_up_has_not_left<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_line_up(&["ann", "ben"]).await;
    let mark = queue.see().await.mark;
    queue.serve(WAITING_TTL).await;
    queue.is_gone(&line[0]).await;
    assert_eq!(queue.left_since(mark).await, these([]));
}

/// A caller without a cursor, or with one from another generation, must assume that any user may
/// have left.
pub async fn a_look_from_nowhere_may_have_missed_anybody<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let first = queue.see().await;
    assert_eq!(first.left, Departures::Unknown);
    assert_eq!(first.mark.generation, first.generation);
    let before = queue.line_up("ann").await;
    queue.go(&before).await;
    let old = queue.see().await.mark;
    queue.lose_and_recover().await;
    let ben = queue.line_up("ben").await;
    queue.go(&ben).await;
    queue.line_up("cat").await;
    assert_eq!(queue.left_since(old).await, Departures::Unknown);
    let new = queue.see().await.mark;
    assert_eq!(queue.left_since(new).await, these([]));
}

/// A store may forget departures, and reports it then. It remembers at least the last
/// [`Departures::REMEMBERED_MIN`].
pub async fn forgotten_leavers_may_be_anybody<F: QueueFixture>(fixture: F) {
    const FIRST: usize = 50;
    const _: () = assert!(Departures::REMEMBERED_MIN.is_multiple_of(FIRST));
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let before = queue.see().await.mark;
    let mut left = Vec::new();
    let mut after = before;
    while left.len() < FIRST + Departures::REMEMBERED_MIN {
        let line = queue.crowd_lines_up(FIRST).await;
        crowd(FIRST, |number| {
            let ((ports, _), ticket) = (queue.for_task(), line[number].clone());
            async move { ports.queue.leave(&ticket).await.expect("leave") }
        })
        .await;
        if left.is_empty() {
            after = queue.see().await.mark;
        }
        left.extend(line);
    }
    let told = queue.left_since(before).await;
    assert!(told == Departures::Unknown || told == these(&left));
    assert!(queue.left_since(after).await == these(&left[FIRST..]));
}

/// While users leave, a series of snapshots, each from the cursor of the one before, misses none of
/// them.
pub async fn looks_in_a_row_miss_nobody<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_lines_up(40).await;
    let (ports, concert) = queue.for_task();
    let mut mark = queue.see().await.mark;
    let looking = tokio::spawn(async move {
        let mut told = BTreeSet::new();
        for _ in 0..2_000 {
            let looked = ports
                .line
                .snapshot(concert, Some(mark))
                .await
                .expect("look");
            let SnapshotOutcome::Seen(seen) = looked.value else {
                panic!("the store has the queue");
            };
            let Departures::These(arrivals) = seen.left else {
                panic!("a few have left");
            };
            mark = seen.mark;
            told.extend(arrivals);
            assert_eq!(seen.waiting + told.len() as u64, 40);
            if seen.waiting == 0 {
                return told;
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
    let told = looking.await.expect("the looker");
    assert_eq!(Departures::These(told.into_iter().collect()), these(&line));
}
