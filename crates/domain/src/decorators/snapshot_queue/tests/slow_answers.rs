//! Which answers are cached although something happened after the store was asked.

use super::*;
use crate::{
    decorators::snapshot_queue::{
        queue_cache::QueueCache,
        shard::{Answer, Version},
    },
    model::queue::{GatePurpose, SaleState},
};

/// Returns a fixture with a snapshot of its line, and the version of a call that begins after that
/// snapshot.
async fn call_after_snapshot(snapshots: usize) -> (TestSnapshots, Arc<QueueCache>, Version) {
    let fixture = TestSnapshots::new(0, snapshots);
    fixture.refresh().await;
    let cache = fixture.shared.cache(CONCERT);
    let version = cache.version();
    (fixture, cache, version)
}

impl TestSnapshots {
    /// Takes another snapshot, a second later.
    async fn next_snapshot(&self) {
        self.advance(1_000);
        self.refresh().await;
    }

    /// Returns the position of `ticket` without asking the store, and the instant of the answer.
    /// None if the store must be asked.
    async fn cached(&self, ticket: &Ticket) -> Option<(u64, Timestamp)> {
        let cache = self.shared.cache(CONCERT);
        match cache.answer(ticket, &self.shared.source).await {
            Answer::Found(Stamped {
                as_of,
                value:
                    Place {
                        standing: Standing::Waiting { position, .. },
                        ..
                    },
            }) => Some((position, as_of)),
            _ => None,
        }
    }
}

/// Returns a place at `position` when `admitted` users had passed.
fn place(ticket: &Ticket, position: u64, admitted: u64) -> Place {
    Place {
        ticket: ticket.clone(),
        standing: Standing::Waiting {
            position,
            behind: 0,
            admitted,
        },
        queue: open_queue(),
    }
}

#[tokio::test]
async fn an_answer_that_takes_longer_than_the_next_snapshots_is_cached() {
    let (fixture, cache, version) = call_after_snapshot(4).await;
    for _ in 0..3 {
        fixture.next_snapshot().await;
    }
    cache.note(version, &waiting(5), at(100));
    assert_eq!(fixture.cached(&ticket()).await, Some((5, at(103))));
}

#[tokio::test]
async fn a_slow_answer_moves_up_by_the_users_admitted_until_the_newest_snapshot() {
    let (fixture, cache, version) = call_after_snapshot(2).await;
    fixture.change_line(|line| line.admitted = 43);
    fixture.next_snapshot().await;
    cache.note(version, &place(&ticket(), 5, 40), at(100));
    assert_eq!(fixture.cached(&ticket()).await, Some((2, at(101))));
}

#[tokio::test]
async fn a_slow_answer_that_is_newer_than_the_snapshot_keeps_its_position() {
    let (fixture, cache, version) = call_after_snapshot(2).await;
    fixture.next_snapshot().await;
    cache.note(version, &place(&ticket(), 2, 43), at(102));
    assert_eq!(fixture.cached(&ticket()).await, Some((2, at(102))));
}

#[tokio::test]
async fn a_slow_answer_moves_no_user_back() {
    let (fixture, cache, version) = call_after_snapshot(2).await;
    fixture.change_line(|line| line.admitted = 43);
    fixture.next_snapshot().await;
    cache.note(cache.version(), &place(&ticket(), 1, 43), at(101));
    cache.note(version, &place(&ticket(), 5, 40), at(100));
    assert_eq!(fixture.cached(&ticket()).await, Some((1, at(101))));
}

#[tokio::test]
async fn a_slow_answer_with_an_outdated_state_causes_no_snapshot() {
    let (fixture, cache, version) = call_after_snapshot(2).await;
    fixture.change_line(|line| line.queue.sale = SaleState::SoldOut);
    fixture.next_snapshot().await;
    cache.note(version, &waiting(5), at(100));
    assert_eq!(fixture.cached(&ticket()).await, Some((5, at(101))));
    assert_eq!(fixture.queue().await.sale, SaleState::SoldOut);
}

#[tokio::test]
async fn a_slow_answer_with_a_newer_state_than_the_snapshot_causes_another_one() {
    let (fixture, cache, version) = call_after_snapshot(3).await;
    fixture.next_snapshot().await;
    let mut newer = waiting(5);
    newer.queue.sale = SaleState::SoldOut;
    fixture.change_line(|line| line.queue.sale = SaleState::SoldOut);
    cache.note(version, &newer, at(102));
    assert_eq!(fixture.cached(&ticket()).await, None);
}

#[tokio::test]
async fn an_answer_older_than_the_snapshot_before_it_means_that_the_clock_stepped_back() {
    let (fixture, cache, _) = call_after_snapshot(2).await;
    cache.note(cache.version(), &waiting(5), at(99));
    assert_eq!(fixture.cached(&ticket()).await, None);
}

#[tokio::test]
async fn an_answer_whose_user_left_elsewhere_meanwhile_is_not_cached() {
    let (fixture, cache, version) = call_after_snapshot(3).await;
    fixture.change_line(|line| line.left = Departures::These(vec![ticket().arrival]));
    fixture.next_snapshot().await;
    fixture.change_line(|line| line.left = Departures::These(Vec::new()));
    fixture.next_snapshot().await;
    cache.note(version, &waiting(5), at(100));
    assert_eq!(fixture.cached(&ticket()).await, None);
    cache.note(version, &place(&other(8), 6, 40), at(100));
    assert_eq!(fixture.cached(&other(8)).await, Some((6, at(102))));
}

#[tokio::test]
async fn an_answer_whose_user_left_here_meanwhile_is_not_cached() {
    let (fixture, cache, version) = call_after_snapshot(1).await;
    fixture.shared.leave(&ticket()).await.unwrap();
    cache.note(version, &waiting(5), at(100));
    assert_eq!(fixture.cached(&ticket()).await, None);
}

#[tokio::test]
async fn an_answer_whose_user_was_found_active_meanwhile_is_not_cached() {
    let (fixture, cache, version) = call_after_snapshot(1).await;
    fixture.store.lock().unwrap().place = active(at(200));
    let ticket = ticket();
    let passed = fixture.shared.pass_gate(&ticket, GatePurpose::Browse).await;
    assert!(matches!(passed.unwrap().value, GateOutcome::Passed(_)));
    cache.note(version, &waiting(5), at(100));
    assert_eq!(fixture.cached(&ticket).await, None);
}

#[tokio::test]
async fn an_answer_whose_user_was_admitted_meanwhile_takes_no_capacity() {
    let (fixture, cache, version) = call_after_snapshot(2).await;
    fixture.change_line(|line| line.admitted_up_to = Some(ticket().arrival));
    fixture.next_snapshot().await;
    cache.note(version, &waiting(1), at(100));
    assert!(!cache.has_entries());
}

/// With 64 shards, some of the 1,000 other users share a shard with the user of [`ticket`].
#[tokio::test]
async fn gate_passes_and_lost_places_of_other_users_remove_no_user() {
    let (fixture, cache, version) = call_after_snapshot(1).await;
    for arrival in 1_000..2_000 {
        let passed = Place {
            ticket: other(arrival),
            ..active(at(200))
        };
        cache.note(cache.version(), &passed, at(100));
        cache.forget(Arrival::from_micros(arrival + 1_000));
    }
    cache.note(version, &waiting(5), at(100));
    assert_eq!(fixture.cached(&ticket()).await, Some((5, at(100))));
}

#[tokio::test]
async fn an_answer_from_an_older_epoch_is_not_cached() {
    let changes: [fn(&mut LineSnapshot); 3] = [
        |line| line.left = Departures::Unknown,
        |line| line.admitted -= 1,
        |line| line.generation = Generation(2),
    ];
    for change in changes {
        let (fixture, cache, version) = call_after_snapshot(3).await;
        fixture.change_line(change);
        fixture.next_snapshot().await;
        fixture.change_line(|line| line.left = Departures::These(Vec::new()));
        fixture.next_snapshot().await;
        cache.note(version, &waiting(5), at(100));
        assert_eq!(fixture.cached(&ticket()).await, None);
    }
}

#[tokio::test]
async fn an_answer_from_before_the_clock_stepped_back_is_not_cached_and_newer_ones_stay() {
    let (fixture, cache, version) = call_after_snapshot(3).await;
    fixture.advance(1_000);
    fixture.store.lock().unwrap().now = at(50);
    fixture.refresh().await;
    cache.note(cache.version(), &place(&other(8), 6, 40), at(50));
    cache.note(version, &waiting(5), at(100));
    assert_eq!(fixture.cached(&ticket()).await, None);
    fixture.next_snapshot().await;
    assert_eq!(fixture.cached(&other(8)).await, Some((6, at(51))));
}

/// Tombstones are kept for 10 s.
#[tokio::test]
async fn an_answer_that_takes_more_than_ten_seconds_is_not_cached() {
    let (fixture, cache, version) = call_after_snapshot(14).await;
    fixture.next_snapshot().await;
    let later = cache.version();
    for _ in 0..10 {
        fixture.next_snapshot().await;
    }
    cache.note(later, &place(&other(8), 6, 40), at(101));
    assert_eq!(fixture.cached(&other(8)).await, Some((6, at(111))));
    cache.note(version, &waiting(5), at(100));
    assert_eq!(fixture.cached(&ticket()).await, None);
    fixture.next_snapshot().await;
    fixture.next_snapshot().await;
    cache.note(later, &place(&other(9), 7, 40), at(101));
    assert_eq!(fixture.cached(&other(9)).await, None);
}
