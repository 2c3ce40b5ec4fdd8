//! What is given back when people and queues are over.

use super::*;
use crate::{
    model::queue::SignOfLife,
    use_cases::shared_look::{tombstones::Tombstones, watch::Watch},
};

const USERS: i64 = 20_000;

/// A stage with as many looks as there is need for, on which many are remembered.
async fn crowded() -> (Stage, Arc<Watch>) {
    let store = Stage::new(0, 0).store;
    let mut queue = MockQueue::new();
    let says = Arc::clone(&store);
    queue
        .expect_look_up()
        .returning(move |_| says.lock().unwrap().says(LookUpOutcome::Gone));
    let mut line = MockWaitingLine::new();
    let says = Arc::clone(&store);
    line.expect_look().returning(move |_, _| {
        let store = says.lock().unwrap();
        store.says(LineOutcome::Seen(store.line.clone()))
    });
    line.expect_heard_of()
        .returning(|_, signs: &[SignOfLife]| Ok(vec![stamped(LookUpOutcome::Gone); signs.len()]));
    let stage = Stage::of(store, queue, line, SharedLook::MOST_USERS);
    stage.look_anew().await;
    let watch = stage.shared.watch(CONCERT);
    for arrival in 0..USERS {
        remember(&watch, arrival);
    }
    (stage, watch)
}

fn remember(watch: &Watch, arrival: i64) {
    let place = Place {
        ticket: other(10 + arrival),
        ..waiting(5)
    };
    watch.note(watch.tag(), &place, at(100));
}

impl Stage {
    fn watches(&self) -> (usize, usize) {
        let watches = self.shared.watches.read().unwrap();
        (watches.len(), watches.capacity())
    }
}

#[tokio::test]
async fn the_memory_of_those_who_are_forgotten_is_given_back() {
    let (stage, watch) = crowded().await;
    assert!(watch.capacity() >= usize::try_from(USERS).unwrap());
    stage.pass(75_000);
    stage.shared.tell_signs().await.unwrap();
    assert!(!watch.remembers_anybody());
    assert!(watch.capacity() < 64 * 100, "{}", watch.capacity());
}

#[tokio::test]
async fn who_is_forgotten_and_found_again_and_again_takes_no_more_memory() {
    let (stage, watch) = crowded().await;
    let before = watch.capacity();
    for _ in 0..10 {
        for arrival in 0..USERS {
            watch.forget(Arrival::from_micros(10 + arrival));
            remember(&watch, arrival);
        }
    }
    assert!(
        watch.capacity() < 4 * before,
        "{before}, {}",
        watch.capacity()
    );
    drop(stage);
}

#[tokio::test]
async fn a_queue_for_which_nobody_asks_any_more_is_dropped_after_a_minute() {
    let (stage, watch) = crowded().await;
    drop(watch);
    stage.pass(75_000);
    stage.shared.tell_signs().await.unwrap();
    stage.pass(59_999);
    stage.shared.tell_signs().await.unwrap();
    assert_eq!(stage.watches().0, 1);
    stage.pass(1);
    stage.shared.tell_signs().await.unwrap();
    assert_eq!(stage.watches(), (0, 0));
}

#[tokio::test]
async fn a_queue_in_which_somebody_is_remembered_is_not_dropped() {
    let (stage, watch) = crowded().await;
    drop(watch);
    stage.pass(49_000);
    stage.shared.tell_signs().await.unwrap(); // takes a look
    stage.pass(59_999);
    stage.shared.tell_signs().await.unwrap(); // takes another, and forgets all
    stage.pass(59_999);
    stage.shared.tell_signs().await.unwrap();
    assert_eq!(stage.watches().0, 1);
}

#[tokio::test]
async fn a_queue_about_which_the_store_is_being_asked_is_not_dropped() {
    let (stage, watch) = crowded().await;
    stage.pass(75_000);
    stage.shared.tell_signs().await.unwrap();
    stage.pass(60_000);
    stage.shared.tell_signs().await.unwrap();
    assert_eq!(stage.watches().0, 1);
    drop(watch);
    stage.shared.tell_signs().await.unwrap();
    assert_eq!(stage.watches().0, 0);
}

#[tokio::test]
async fn departures_take_no_more_memory_than_the_bound() {
    let (stage, watch) = crowded().await;
    for arrival in 0..500_000 {
        watch.forget(Arrival::from_micros(10 + arrival));
    }
    // A hash map has room for up to 16/7 of what it holds, when it has just grown.
    assert!(watch.capacity() < 64 * Tombstones::MOST * 16 / 7 + 64 * 1_000);
    for second in 0..12 {
        stage.pass(1_000);
        stage.look_anew().await;
        assert_eq!(watch.capacity() < 64 * 1_000, second >= 10, "{second}");
    }
}
