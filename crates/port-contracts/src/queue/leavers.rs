//! What looks at a line tell of those who left it.

use std::collections::BTreeSet;

use frontrow_domain::{
    model::queue::{Left, LineMark, Ticket},
    ports::LineOutcome,
};

use super::{QueueFixture, Room, WAITING_TTL, by_capacity, by_rate, crowd, paused};

impl<F: QueueFixture> Room<F> {
    /// Who has left since an earlier look, in the order of arrival.
    async fn left_since(&self, mark: LineMark) -> Left {
        let mut left = self.see_since(Some(mark)).await.left;
        if let Left::These(arrivals) = &mut left {
            arrivals.sort_unstable();
        }
        left
    }
}

/// These have left, in the order of arrival.
fn these<'a>(tickets: impl IntoIterator<Item = &'a Ticket>) -> Left {
    let mut arrivals: Vec<_> = tickets.into_iter().map(|ticket| ticket.arrival).collect();
    arrivals.sort_unstable();
    Left::These(arrivals)
}

/// Who leaves the line is told of by the next look, and not by the one after.
pub async fn the_next_look_tells_who_left<F: QueueFixture>(fixture: F) {
    let room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben", "cat", "dan"]).await;
    let first = room.see().await.mark;
    assert_eq!(room.left_since(first).await, these([]));
    room.go(&line[0]).await;
    room.go(&line[2]).await;
    assert_eq!(room.left_since(first).await, these([&line[0], &line[2]]));
    let second = room.see_since(Some(first)).await.mark;
    assert_eq!(room.left_since(second).await, these([]));
    room.go(&line[1]).await;
    assert_eq!(room.left_since(second).await, these([&line[1]]));
}

/// Every caller is told by its own looks, whoever else has looked meanwhile.
pub async fn every_caller_is_told_who_left<F: QueueFixture>(fixture: F) {
    let room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    let mark = room.see().await.mark;
    room.go(&line[0]).await;
    room.see_since(Some(mark)).await;
    room.go(&line[1]).await;
    room.see_since(Some(mark)).await;
    assert_eq!(room.left_since(mark).await, these(&line));
}

/// Who leaves, joins again and leaves again is told of by both arrivals.
pub async fn who_left_twice_is_told_of_twice<F: QueueFixture>(fixture: F) {
    let room = Room::open(fixture, paused()).await;
    let mark = room.see().await.mark;
    let first = room.line_up("ann").await;
    room.go(&first).await;
    let second = room.line_up("ann").await;
    room.go(&second).await;
    assert_eq!(room.left_since(mark).await, these([&first, &second]));
}

/// Who leaves an active place has not left the line, and who leaves a place that has ended leaves
/// nothing.
pub async fn who_leaves_elsewhere_has_not_left_the_line<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    let ann = room.walk_in("ann").await;
    let line = room.all_line_up(&["ben", "cat"]).await;
    room.change(|policy| *policy = by_capacity(2)).await;
    let mark = room.see().await.mark;
    assert_eq!(room.admit_all().await, 1);
    room.go(&ann).await;
    room.go(&line[0]).await;
    room.is_gone(&line[0]).await;
    assert_eq!(room.left_since(mark).await, these([]));
}

/// Who was admitted, or not heard of for too long, has not left in this sense.
pub async fn who_gave_up_has_not_left<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.all_line_up(&["ann", "ben"]).await;
    let mark = room.see().await.mark;
    room.serve(WAITING_TTL).await;
    room.is_gone(&line[0]).await;
    assert_eq!(room.left_since(mark).await, these([]));
}

/// Who looks for the first time, or comes from another life of the store, must reckon with anybody
/// having left.
pub async fn a_look_from_nowhere_may_have_missed_anybody<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let first = room.see().await;
    assert_eq!(first.left, Left::Anybody);
    assert_eq!(first.mark.generation, first.generation);
    let before = room.line_up("ann").await;
    room.go(&before).await;
    let old = room.see().await.mark;
    room.lose_and_recover().await;
    let ben = room.line_up("ben").await;
    room.go(&ben).await;
    room.line_up("cat").await;
    assert_eq!(room.left_since(old).await, Left::Anybody);
    let new = room.see().await.mark;
    assert_eq!(room.left_since(new).await, these([]));
}

/// A store may forget who left, but then it says so; it remembers the last
/// [`Left::REMEMBERED_MIN`] at least.
pub async fn forgotten_leavers_may_be_anybody<F: QueueFixture>(fixture: F) {
    const FIRST: usize = 50;
    const _: () = assert!(Left::REMEMBERED_MIN.is_multiple_of(FIRST));
    let room = Room::open(fixture, paused()).await;
    let before = room.see().await.mark;
    let mut left = Vec::new();
    let mut after = before;
    while left.len() < FIRST + Left::REMEMBERED_MIN {
        let line = room.crowd_lines_up(FIRST).await;
        crowd(FIRST, |number| {
            let ((ports, _), ticket) = (room.for_task(), line[number].clone());
            async move { ports.queue.leave(&ticket).await.expect("leave") }
        })
        .await;
        if left.is_empty() {
            after = room.see().await.mark;
        }
        left.extend(line);
    }
    let told = room.left_since(before).await;
    assert!(told == Left::Anybody || told == these(&left));
    assert!(room.left_since(after).await == these(&left[FIRST..]));
}

/// While people leave, looks that go on from each other miss nobody.
pub async fn looks_in_a_row_miss_nobody<F: QueueFixture>(fixture: F) {
    let room = Room::open(fixture, paused()).await;
    let line = room.crowd_lines_up(40).await;
    let (ports, concert) = room.for_task();
    let mut mark = room.see().await.mark;
    let looking = tokio::spawn(async move {
        let mut told = BTreeSet::new();
        for _ in 0..2_000 {
            let looked = ports.line.look(concert, Some(mark)).await.expect("look");
            let LineOutcome::Seen(seen) = looked.value else {
                panic!("the store has the queue");
            };
            let Left::These(arrivals) = seen.left else {
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
        let ((ports, _), ticket) = (room.for_task(), line[number].clone());
        async move { ports.queue.leave(&ticket).await.expect("leave") }
    })
    .await;
    let told = looking.await.expect("the looker");
    assert_eq!(Left::These(told.into_iter().collect()), these(&line));
}
