//! Tests of the schedule at instants that the tests choose.

use uuid::Uuid;

use super::*;

const A: ConcertId = ConcertId(Uuid::from_u128(1));
const B: ConcertId = ConcertId(Uuid::from_u128(2));
const C: ConcertId = ConcertId(Uuid::from_u128(3));

fn start() -> Instant {
    super::super::now()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn tick(next: NextTick) -> QueueTick {
    QueueTick {
        admitted: 0,
        expired: 0,
        expiry_left: false,
        next,
    }
}

fn in_use(concerts: &[ConcertId], now: Instant) -> Schedule {
    let mut schedule = Schedule::default();
    schedule.learn(&concerts.iter().copied().collect(), &HashSet::new(), now);
    schedule
}

/// The result of a tick that began when it was due and ended 100 ms later, and the next due time.
#[test]
fn the_outcome_of_a_tick_sets_the_next_due_time() {
    for (next, due) in [
        (NextTick::After(millis(250)), 350),
        (NextTick::After(Duration::ZERO), 100),
        (NextTick::Wanted, 1_100),
        (NextTick::Resting, 30_100),
        (NextTick::NoSuchConcert, 30_100),
    ] {
        let now = start();
        let mut schedule = in_use(&[A], now);
        let turn = schedule.take(now).unwrap();
        assert_eq!(schedule.next_due(), None, "it runs");
        schedule.ticked(&turn, tick(next), now + millis(100));
        assert_eq!(schedule.next_due(), Some(now + millis(due)), "{next:?}");
        assert!(schedule.take(now + millis(due - 1)).is_none(), "{next:?}");
        assert!(schedule.take(now + millis(due)).is_some(), "{next:?}");
    }
}

#[test]
fn a_queue_that_fails_backs_off_from_the_start_of_its_tick() {
    let now = start();
    let mut schedule = in_use(&[A], now);
    let mut at = now;
    for (takes, due) in [
        (2_000, 2_250),
        (10, 1_000),
        (2_000, 2_250),
        (0, 2_500),
        (0, 2_500),
    ] {
        let turn = schedule.take(at).unwrap();
        schedule.failed(&turn, at + millis(takes));
        assert_eq!(schedule.next_due(), Some(at + millis(due)));
        at += millis(due);
    }
    let turn = schedule.take(at).unwrap();
    schedule.ticked(&turn, tick(NextTick::After(millis(1_000))), at);
    at += millis(1_000);
    let turn = schedule.take(at).unwrap();
    schedule.failed(&turn, at);
    assert_eq!(schedule.next_due(), Some(at + millis(500)));
}

#[test]
fn queues_in_use_come_first_and_no_queue_starves() {
    let now = start();
    let mut schedule = Schedule::default();
    let one = |concert| HashSet::from([concert]);
    schedule.learn(&one(A), &one(B), now);
    schedule.learn(&one(C), &one(B), now + millis(999));
    let order = std::iter::from_fn(|| schedule.take(now + millis(1_500)));
    assert_eq!(
        order.map(|turn| turn.concert).collect::<Vec<_>>(),
        [A, C, B]
    );

    let mut schedule = Schedule::default();
    schedule.learn(&HashSet::new(), &one(B), now);
    schedule.learn(&one(A), &one(B), now + millis(1_001));
    let turn = schedule.take(now + millis(1_500)).unwrap();
    assert_eq!(turn.concert, B, "it waits for longer");

    // A queue in use that is not due yet does not delay other queues.
    let mut schedule = Schedule::default();
    schedule.learn(&one(A), &one(B), now);
    let turn = schedule.take(now).unwrap();
    schedule.ticked(&turn, tick(NextTick::After(millis(10))), now);
    assert_eq!(schedule.take(now).map(|turn| turn.concert), Some(B));
}

#[test]
fn only_some_of_the_queues_that_hung_are_ticked_at_the_same_time() {
    let now = start();
    let mut schedule = in_use(&[A, B, C], now);
    let turns: Vec<_> = std::iter::from_fn(|| schedule.take(now)).collect();
    for turn in turns {
        schedule.failed(&turn, now + HANGS_AFTER);
    }
    let later = now + millis(700);
    let turns: Vec<_> = std::iter::from_fn(|| schedule.take(later)).collect();
    assert_eq!(turns.len(), SUSPECTS);
    assert_eq!(schedule.next_due(), None);
    for turn in turns {
        schedule.ticked(&turn, tick(NextTick::Resting), later);
    }
    assert!(schedule.take(later).is_some());
}

#[test]
fn a_second_short_failure_makes_a_suspect_and_the_first_does_not() {
    let mut now = start();
    let mut schedule = in_use(&[A, B, C], now);
    for (back_off, tried) in [(0, 3), (500, 3), (1_000, SUSPECTS)] {
        now += millis(back_off);
        let turns: Vec<_> = std::iter::from_fn(|| schedule.take(now)).collect();
        assert_eq!(turns.len(), tried);
        for turn in turns {
            schedule.failed(&turn, now);
        }
    }
}

#[test]
fn a_resting_queue_that_is_in_use_again_is_due_at_once() {
    for (next, due) in [
        (NextTick::Resting, true),
        (NextTick::After(millis(5_000)), false),
        (NextTick::NoSuchConcert, false),
    ] {
        let now = start();
        let mut schedule = in_use(&[A], now);
        let turn = schedule.take(now).unwrap();
        let listed = HashSet::from([A]);
        schedule.learn(&listed, &HashSet::new(), now);
        schedule.ticked(&turn, tick(next), now);
        schedule.learn(&listed, &HashSet::new(), now + millis(10));
        assert_eq!(schedule.take(now + millis(10)).is_some(), due, "{next:?}");
    }
}

#[test]
fn a_queue_that_is_neither_in_use_nor_known_leaves_the_schedule() {
    let now = start();
    let mut schedule = in_use(&[A, B, C], now);
    let running = schedule.take(now).unwrap();
    let left: Vec<_> = [A, B, C]
        .into_iter()
        .filter(|concert| *concert != running.concert)
        .collect();
    schedule.keep_only(&HashSet::new(), &HashSet::from([left[0]]));
    assert!(schedule.has(running.concert), "it runs");
    assert!(schedule.has(left[0]), "it is known");
    assert!(!schedule.has(left[1]));
    schedule.ticked(&running, tick(NextTick::Resting), now);
    schedule.keep_only(&HashSet::new(), &HashSet::new());
    assert!(schedule.queues.is_empty());
    assert!(schedule.waiting.iter().all(BTreeSet::is_empty));
}

#[test]
fn expired_places_are_removed_once_a_second_and_until_none_is_left() {
    let now = start();
    let mut schedule = in_use(&[A], now);
    let next = NextTick::After(millis(100));
    let mut expiries = Vec::new();
    for step in 0..25 {
        let at = now + millis(step * 100);
        let turn = schedule.take(at).unwrap();
        if turn.expire {
            expiries.push(step);
        }
        let expiry_left = step < 2;
        let tick = QueueTick {
            expiry_left,
            ..tick(next)
        };
        schedule.ticked(&turn, tick, at);
    }
    assert_eq!(expiries, [0, 1, 2, 11, 20]);
}
