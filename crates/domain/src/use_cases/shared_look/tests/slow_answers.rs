//! Which answers are remembered although something happened after the store was asked.

use super::*;
use crate::{
    model::queue::{GatePurpose, SaleState},
    use_cases::shared_look::{
        shard::{Answer, Tag},
        watch::Watch,
    },
};

/// A stage with a look at its line, and the tag of an answer that is asked for after it.
async fn asked(looks: usize) -> (Stage, Arc<Watch>, Tag) {
    let stage = Stage::new(0, looks);
    stage.look_anew().await;
    let watch = stage.shared.watch(CONCERT);
    let tag = watch.tag();
    (stage, watch, tag)
}

impl Stage {
    /// Another look, a second later.
    async fn next_look(&self) {
        self.pass(1_000);
        self.look_anew().await;
    }

    /// The answer to `ticket` without asking the store, and as of when.
    async fn remembered(&self, ticket: &Ticket) -> Option<(u64, Timestamp)> {
        let watch = self.shared.watch(CONCERT);
        match watch.answer(ticket, &self.shared.asking).await {
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

/// Of a place at this position when that number had been admitted.
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
    let (stage, watch, tag) = asked(4).await;
    for _ in 0..3 {
        stage.next_look().await;
    }
    watch.note(tag, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, Some((5, at(103))));
}

#[tokio::test]
async fn a_slow_answer_moves_up_by_those_admitted_until_the_newest_look() {
    let (stage, watch, tag) = asked(2).await;
    stage.change(|line| line.admitted = 43);
    stage.next_look().await;
    watch.note(tag, &place(&ticket(), 5, 40), at(100));
    assert_eq!(stage.remembered(&ticket()).await, Some((2, at(101))));
}

#[tokio::test]
async fn a_slow_answer_that_is_newer_than_the_look_keeps_its_position() {
    let (stage, watch, tag) = asked(2).await;
    stage.next_look().await;
    watch.note(tag, &place(&ticket(), 2, 43), at(102));
    assert_eq!(stage.remembered(&ticket()).await, Some((2, at(102))));
}

#[tokio::test]
async fn a_slow_answer_sends_nobody_back() {
    let (stage, watch, tag) = asked(2).await;
    stage.change(|line| line.admitted = 43);
    stage.next_look().await;
    watch.note(watch.tag(), &place(&ticket(), 1, 43), at(101));
    watch.note(tag, &place(&ticket(), 5, 40), at(100));
    assert_eq!(stage.remembered(&ticket()).await, Some((1, at(101))));
}

#[tokio::test]
async fn a_slow_answer_of_a_state_that_has_changed_since_costs_no_look() {
    let (stage, watch, tag) = asked(2).await;
    stage.change(|line| line.queue.sale = SaleState::SoldOut);
    stage.next_look().await;
    watch.note(tag, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, Some((5, at(101))));
    assert_eq!(stage.queue().await.sale, SaleState::SoldOut);
}

#[tokio::test]
async fn a_slow_answer_of_a_newer_state_than_the_look_makes_for_another_look() {
    let (stage, watch, tag) = asked(3).await;
    stage.next_look().await;
    let mut newer = waiting(5);
    newer.queue.sale = SaleState::SoldOut;
    stage.change(|line| line.queue.sale = SaleState::SoldOut);
    watch.note(tag, &newer, at(102));
    assert_eq!(stage.remembered(&ticket()).await, None);
}

#[tokio::test]
async fn an_answer_from_before_the_look_that_was_there_means_that_the_clock_stepped_back() {
    let (stage, watch, _) = asked(2).await;
    watch.note(watch.tag(), &waiting(5), at(99));
    assert_eq!(stage.remembered(&ticket()).await, None);
}

#[tokio::test]
async fn an_answer_whose_user_left_elsewhere_meanwhile_is_not_remembered() {
    let (stage, watch, tag) = asked(3).await;
    stage.change(|line| line.left = Left::These(vec![ticket().arrival]));
    stage.next_look().await;
    stage.change(|line| line.left = Left::These(Vec::new()));
    stage.next_look().await;
    watch.note(tag, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, None);
    watch.note(tag, &place(&other(8), 6, 40), at(100));
    assert_eq!(stage.remembered(&other(8)).await, Some((6, at(102))));
}

#[tokio::test]
async fn an_answer_whose_user_left_here_meanwhile_is_not_remembered() {
    let (stage, watch, tag) = asked(1).await;
    stage.shared.leave(&ticket()).await.unwrap();
    watch.note(tag, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, None);
}

#[tokio::test]
async fn an_answer_whose_user_was_found_active_meanwhile_is_not_remembered() {
    let (stage, watch, tag) = asked(1).await;
    stage.store.lock().unwrap().place = active(at(200));
    let ticket = ticket();
    let passed = stage.shared.pass_gate(&ticket, GatePurpose::Browse).await;
    assert!(matches!(passed.unwrap().value, GateOutcome::Passed(_)));
    watch.note(tag, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket).await, None);
}

#[tokio::test]
async fn an_answer_whose_user_was_admitted_meanwhile_takes_no_room() {
    let (stage, watch, tag) = asked(2).await;
    stage.change(|line| line.admitted_up_to = Some(ticket().arrival));
    stage.next_look().await;
    watch.note(tag, &waiting(1), at(100));
    assert!(!watch.remembers_anybody());
}

/// There are 64 shards: one of the others is in the shard of each user.
#[tokio::test]
async fn gate_passes_and_lost_places_of_others_forget_nobody() {
    let (stage, watch, tag) = asked(1).await;
    for arrival in 1_000..2_000 {
        let passed = Place {
            ticket: other(arrival),
            ..active(at(200))
        };
        watch.note(watch.tag(), &passed, at(100));
        watch.forget(Arrival::from_micros(arrival + 1_000));
    }
    watch.note(tag, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, Some((5, at(100))));
}

#[tokio::test]
async fn an_answer_from_before_another_era_is_not_remembered() {
    let changes: [fn(&mut Line); 3] = [
        |line| line.left = Left::Anybody,
        |line| line.admitted -= 1,
        |line| line.generation = Generation(2),
    ];
    for change in changes {
        let (stage, watch, tag) = asked(3).await;
        stage.change(change);
        stage.next_look().await;
        stage.change(|line| line.left = Left::These(Vec::new()));
        stage.next_look().await;
        watch.note(tag, &waiting(5), at(100));
        assert_eq!(stage.remembered(&ticket()).await, None);
    }
}

#[tokio::test]
async fn an_answer_from_before_the_clock_stepped_back_is_not_remembered_and_forgotten_for_good() {
    let (stage, watch, tag) = asked(3).await;
    stage.pass(1_000);
    stage.store.lock().unwrap().now = at(50);
    stage.look_anew().await;
    watch.note(watch.tag(), &place(&other(8), 6, 40), at(50));
    watch.note(tag, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, None);
    stage.next_look().await;
    assert_eq!(stage.remembered(&other(8)).await, Some((6, at(51))));
}

/// Tombstones are kept for 10 s.
#[tokio::test]
async fn an_answer_that_takes_more_than_ten_seconds_is_not_remembered() {
    let (stage, watch, tag) = asked(14).await;
    stage.next_look().await;
    let later = watch.tag();
    for _ in 0..10 {
        stage.next_look().await;
    }
    watch.note(later, &place(&other(8), 6, 40), at(101));
    assert_eq!(stage.remembered(&other(8)).await, Some((6, at(111))));
    watch.note(tag, &waiting(5), at(100));
    assert_eq!(stage.remembered(&ticket()).await, None);
    stage.next_look().await;
    stage.next_look().await;
    watch.note(later, &place(&other(9), 7, 40), at(101));
    assert_eq!(stage.remembered(&other(9)).await, None);
}
