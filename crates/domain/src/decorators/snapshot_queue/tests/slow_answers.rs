//! Which answers are cached although something happened after the store was asked.

use super::*;
use crate::{
    decorators::snapshot_queue::{
        queue_cache::QueueCache,
        shard::{Answer, Version},
    },
    model::queue::{GatePurpose, SaleState},
};

/// A stage with a snapshot of its line, and the version of a call that begins after it.
async fn asked(snapshots: usize) -> (TestSnapshots, Arc<QueueCache>, Version) {
    let stage = TestSnapshots::new(0, snapshots);
    stage.look_anew().await;
    let cache = stage.shared.cache(CONCERT);
    let version = cache.version();
    (stage, cache, version)
}

impl TestSnapshots {
    /// Another snapshot, a second later.
    async fn next_look(&self) {
        self.pass(1_000);
        self.look_anew().await;
    }

    /// The answer to `ticket` without asking the store, and its instant.
    async fn remembered(&self, ticket: &Ticket) -> Option<(u64, Timestamp)> {
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

/// A place at this position when this many users had passed.
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
async fn an_answer_that_takes_longer_than_the_next_looks_is_remembered() {
    let (stage, cache, version) = asked(4).await;
    for _ in 0..3 {
        stage.next_look().await;
    }
    cache.note(version, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, Some((5, at(103))));
}

#[tokio::test]
async fn a_slow_answer_moves_up_by_those_admitted_until_the_newest_look() {
    let (stage, cache, version) = asked(2).await;
    stage.change(|line| line.admitted = 43);
    stage.next_look().await;
    cache.note(version, &place(&ticket(), 5, 40), at(100));
    assert_eq!(stage.remembered(&ticket()).await, Some((2, at(101))));
}

#[tokio::test]
async fn a_slow_answer_that_is_newer_than_the_look_keeps_its_position() {
    let (stage, cache, version) = asked(2).await;
    stage.next_look().await;
    cache.note(version, &place(&ticket(), 2, 43), at(102));
    assert_eq!(stage.remembered(&ticket()).await, Some((2, at(102))));
}

#[tokio::test]
async fn a_slow_answer_sends_nobody_back() {
    let (stage, cache, version) = asked(2).await;
    stage.change(|line| line.admitted = 43);
    stage.next_look().await;
    cache.note(cache.version(), &place(&ticket(), 1, 43), at(101));
    cache.note(version, &place(&ticket(), 5, 40), at(100));
    assert_eq!(stage.remembered(&ticket()).await, Some((1, at(101))));
}

#[tokio::test]
async fn a_slow_answer_of_a_state_that_has_changed_since_costs_no_look() {
    let (stage, cache, version) = asked(2).await;
    stage.change(|line| line.queue.sale = SaleState::SoldOut);
    stage.next_look().await;
    cache.note(version, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, Some((5, at(101))));
    assert_eq!(stage.queue().await.sale, SaleState::SoldOut);
}

#[tokio::test]
async fn a_slow_answer_of_a_newer_state_than_the_look_makes_for_another_look() {
    let (stage, cache, version) = asked(3).await;
    stage.next_look().await;
    let mut newer = waiting(5);
    newer.queue.sale = SaleState::SoldOut;
    stage.change(|line| line.queue.sale = SaleState::SoldOut);
    cache.note(version, &newer, at(102));
    assert_eq!(stage.remembered(&ticket()).await, None);
}

#[tokio::test]
async fn an_answer_from_before_the_look_that_was_there_means_that_the_clock_stepped_back() {
    let (stage, cache, _) = asked(2).await;
    cache.note(cache.version(), &waiting(5), at(99));
    assert_eq!(stage.remembered(&ticket()).await, None);
}

#[tokio::test]
async fn an_answer_whose_user_left_elsewhere_meanwhile_is_not_remembered() {
    let (stage, cache, version) = asked(3).await;
    stage.change(|line| line.left = Departures::These(vec![ticket().arrival]));
    stage.next_look().await;
    stage.change(|line| line.left = Departures::These(Vec::new()));
    stage.next_look().await;
    cache.note(version, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, None);
    cache.note(version, &place(&other(8), 6, 40), at(100));
    assert_eq!(stage.remembered(&other(8)).await, Some((6, at(102))));
}

#[tokio::test]
async fn an_answer_whose_user_left_here_meanwhile_is_not_remembered() {
    let (stage, cache, version) = asked(1).await;
    stage.shared.leave(&ticket()).await.unwrap();
    cache.note(version, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, None);
}

#[tokio::test]
async fn an_answer_whose_user_was_found_active_meanwhile_is_not_remembered() {
    let (stage, cache, version) = asked(1).await;
    stage.store.lock().unwrap().place = active(at(200));
    let ticket = ticket();
    let passed = stage.shared.pass_gate(&ticket, GatePurpose::Browse).await;
    assert!(matches!(passed.unwrap().value, GateOutcome::Passed(_)));
    cache.note(version, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket).await, None);
}

#[tokio::test]
async fn an_answer_whose_user_was_admitted_meanwhile_takes_no_room() {
    let (stage, cache, version) = asked(2).await;
    stage.change(|line| line.admitted_up_to = Some(ticket().arrival));
    stage.next_look().await;
    cache.note(version, &waiting(1), at(100));
    assert!(!cache.remembers_anybody());
}

/// There are 64 shards, so one of the others is in the shard of each user.
#[tokio::test]
async fn gate_passes_and_lost_places_of_others_forget_nobody() {
    let (stage, cache, version) = asked(1).await;
    for arrival in 1_000..2_000 {
        let passed = Place {
            ticket: other(arrival),
            ..active(at(200))
        };
        cache.note(cache.version(), &passed, at(100));
        cache.forget(Arrival::from_micros(arrival + 1_000));
    }
    cache.note(version, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, Some((5, at(100))));
}

#[tokio::test]
async fn an_answer_from_before_another_era_is_not_remembered() {
    let changes: [fn(&mut LineSnapshot); 3] = [
        |line| line.left = Departures::Unknown,
        |line| line.admitted -= 1,
        |line| line.generation = Generation(2),
    ];
    for change in changes {
        let (stage, cache, version) = asked(3).await;
        stage.change(change);
        stage.next_look().await;
        stage.change(|line| line.left = Departures::These(Vec::new()));
        stage.next_look().await;
        cache.note(version, &waiting(5), at(100));
        assert_eq!(stage.remembered(&ticket()).await, None);
    }
}

#[tokio::test]
async fn an_answer_from_before_the_clock_stepped_back_is_not_remembered_and_forgotten_for_good() {
    let (stage, cache, version) = asked(3).await;
    stage.pass(1_000);
    stage.store.lock().unwrap().now = at(50);
    stage.look_anew().await;
    cache.note(cache.version(), &place(&other(8), 6, 40), at(50));
    cache.note(version, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, None);
    stage.next_look().await;
    assert_eq!(stage.remembered(&other(8)).await, Some((6, at(51))));
}

/// Tombstones are kept for 10 s.
#[tokio::test]
async fn an_answer_that_takes_more_than_ten_seconds_is_not_remembered() {
    let (stage, cache, version) = asked(14).await;
    stage.next_look().await;
    let later = cache.version();
    for _ in 0..10 {
        stage.next_look().await;
    }
    cache.note(later, &place(&other(8), 6, 40), at(101));
    assert_eq!(stage.remembered(&other(8)).await, Some((6, at(111))));
    cache.note(version, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, None);
    stage.next_look().await;
    stage.next_look().await;
    cache.note(later, &place(&other(9), 7, 40), at(101));
    assert_eq!(stage.remembered(&other(9)).await, None);
}
