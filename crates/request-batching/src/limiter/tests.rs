//! The limit after each observed call.

use super::*;
use crate::batcher::now;

const SETTINGS: Adaptive = Adaptive {
    min: 8,
    max: 1_000,
    initial: 200,
    latency_min: Duration::from_millis(50),
};

/// A call: its beginning (ms since the start), its duration (ms), and the limit after it.
enum Step {
    Answered(u64, u64, usize),
    Limited(u64, u64, usize),
    TimedOut(u64, u64, usize),
    Failed(u64, u64, usize),
}

fn check(settings: Adaptive, steps: impl IntoIterator<Item = Step>) {
    let mut limiter = Limiter::new(&InFlight::Adaptive(settings), 100);
    let start = now();
    for (number, step) in steps.into_iter().enumerate() {
        let (began, took, outcome, limited, expected) = match step {
            Answered(began, took, limit) => (began, took, Outcome::Answered, false, limit),
            Limited(began, took, limit) => (began, took, Outcome::Answered, true, limit),
            TimedOut(began, took, limit) => (began, took, Outcome::TimedOut, true, limit),
            Failed(began, took, limit) => (began, took, Outcome::Unknown, true, limit),
        };
        let began = start + Duration::from_millis(began);
        let before = limiter.limit();
        let changed = limiter.observe(Observation {
            began,
            ended: began + Duration::from_millis(took),
            outcome,
            limited,
        });
        assert_eq!(limiter.limit(), expected, "after step {number}");
        assert_eq!(changed, before != expected, "in step {number}");
    }
}

use Step::{Answered, Failed, Limited, TimedOut};

#[test]
fn a_fixed_limit_stays() {
    let mut limiter = Limiter::new(&InFlight::Fixed(5), 100);
    let began = now();
    let changed = limiter.observe(Observation {
        began,
        ended: began + Duration::from_secs(100),
        outcome: Outcome::TimedOut,
        limited: true,
    });
    assert_eq!((changed, limiter.limit()), (false, 5));
}

#[test]
fn the_initial_limit_is_within_its_bounds() {
    for (initial, expected) in [(1, 8), (200, 200), (5_000, 1_000)] {
        let settings = Adaptive {
            initial,
            ..SETTINGS
        };
        let limiter = Limiter::new(&InFlight::Adaptive(settings), 100);
        assert_eq!(limiter.limit(), expected);
    }
}

#[test]
fn a_limit_that_held_requests_back_grows_by_a_batch_per_round_trip() {
    check(
        SETTINGS,
        [
            Answered(0, 10, 200),
            Limited(0, 10, 300),
            // Began before the limit changed.
            Limited(5, 10, 300),
            Limited(9, 10, 300),
            Limited(10, 10, 400),
            Answered(20, 10, 400),
            Limited(20, 25, 500),
        ],
    );
}

#[test]
fn the_limit_grows_slowly_if_the_store_has_a_backlog() {
    check(
        SETTINGS,
        [
            Answered(0, 10, 200),
            Limited(0, 26, 210),
            Limited(30, 50, 220),
        ],
    );
}

#[test]
fn a_small_limit_grows_by_half_up_to_its_maximum() {
    let settings = Adaptive {
        initial: 8,
        max: 60,
        ..SETTINGS
    };
    check(
        settings,
        [
            Limited(0, 10, 12),
            Limited(10, 10, 18),
            Limited(20, 10, 27),
            Limited(30, 10, 40),
            Limited(40, 10, 60),
            Limited(50, 10, 60),
        ],
    );
}

#[test]
fn a_slow_call_lowers_the_limit_once_per_round_trip() {
    check(
        SETTINGS,
        [
            Answered(0, 10, 200),
            Answered(10, 50, 200),
            Answered(100, 51, 140),
            // Began before the limit changed.
            Answered(120, 80, 140),
            Answered(151, 60, 98),
            // Three times the threshold.
            Answered(250, 150, 32),
            // A hundred times as slow.
            Answered(500, 5_000, 8),
            Answered(8_000, 5_000, 8),
        ],
    );
}

#[test]
fn a_time_out_lowers_the_limit_and_any_other_failure_does_not() {
    check(
        SETTINGS,
        [
            Answered(0, 10, 200),
            Failed(10, 1_000, 200),
            Failed(10, 1, 200),
            TimedOut(10, 20, 140),
            TimedOut(20, 1_000, 140),
            TimedOut(1_030, 500, 14),
        ],
    );
}

#[test]
fn the_threshold_for_slow_calls_depends_on_the_distance() {
    check(
        SETTINGS,
        [
            Limited(0, 200, 300),
            Limited(200, 250, 400),
            Limited(450, 400, 410),
            Limited(900, 401, 287),
        ],
    );
}

#[test]
fn the_first_probe_is_after_one_second_and_the_next_after_ten_without_a_short_call() {
    check(
        SETTINGS,
        [
            Answered(0, 40, 200),
            Answered(900, 75, 200),
            // A second after the first answer.
            Answered(970, 75, 8),
            // This call began before the probe.
            Answered(1_000, 75, 8),
            // The shortest round trip is 10 ms, not 40 ms.
            Answered(1_050, 10, 200),
            Answered(1_070, 51, 140),
            Answered(5_000, 12, 140),
            Answered(14_900, 40, 140),
            // 10 s after the last call that was about as short. The limit is half of the requests
            // in transit.
            Answered(15_000, 20, 35),
            Answered(15_020, 12, 140),
        ],
    );
}

#[test]
fn a_probe_without_a_shorter_call_does_not_raise_the_threshold() {
    check(
        SETTINGS,
        [
            Answered(0, 40, 200),
            Answered(1_000, 75, 8),
            Answered(1_075, 100, 200),
            // The threshold is 80 ms as before, and the next probe is due after 10 s.
            Answered(1_200, 80, 200),
            Answered(1_300, 81, 140),
            Answered(11_000, 80, 35),
            TimedOut(11_080, 81, 98),
        ],
    );
}

#[test]
fn only_ten_seconds_at_the_minimum_raise_the_shortest_round_trip() {
    let mut steps = vec![Answered(0, 10, 200), Answered(100, 500, 20)];
    steps.push(Answered(1_000, 200, 8));
    // Within 10 s at the minimum, 200 ms are slow.
    steps.extend((0..50).map(|call| Limited(1_200 + call * 200, 200 - call % 2, 8)));
    // Afterwards they are not. The shortest round trip rises to 125 ms at most.
    steps.extend([Limited(11_300, 199, 18), Limited(11_600, 250, 28)]);
    steps.push(Limited(12_000, 251, 19));
    check(SETTINGS, steps);
}
