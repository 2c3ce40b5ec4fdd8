//! Simulates processes that share a store of one thread, in virtual time.
//!
//! Each process always has pending requests, and makes calls as the batcher does: one at any time,
//! and further ones while the limit leaves capacity for a whole batch.

use std::{cmp::Reverse, collections::BinaryHeap, ops::Range};

use super::*;
use crate::batcher::now;

const BATCH_MAX: usize = 100;

/// Times are in µs.
type Micros = u64;

const SECOND: Micros = 1_000_000;

/// The time that the store needs for a call and for each of its requests, unless it is slowed down.
const CALL: Micros = 20;
const REQUEST: Micros = 17;

#[derive(Clone, Copy)]
struct Call {
    process: usize,
    size: usize,
    began: Micros,
}

struct Process {
    limiter: Limiter,
    in_flight: usize,
    calls: usize,
    limited: bool,
}

struct Simulation {
    /// The round trip to the store, without its work.
    round_trip: Micros,
    /// The instants from which on the store is slower, with the factors.
    slowness: Vec<(Micros, u64)>,
    processes: Vec<Process>,
    /// The instant at which the store has finished its backlog.
    free_at: Micros,
    /// Ordered by the instant of the response.
    in_flight: BinaryHeap<Reverse<(Micros, usize)>>,
    calls: Vec<Call>,
    answered: Vec<(Micros, Call)>,
}

impl Simulation {
    fn new(round_trip: Micros, slowness: &[(Micros, u64)]) -> Self {
        Self {
            round_trip,
            slowness: slowness.to_vec(),
            processes: Vec::new(),
            free_at: 0,
            in_flight: BinaryHeap::new(),
            calls: Vec::new(),
            answered: Vec::new(),
        }
    }

    fn add_process(&mut self, now: Micros) {
        let settings = InFlight::Adaptive(Adaptive::default());
        self.processes.push(Process {
            limiter: Limiter::new(&settings, BATCH_MAX),
            in_flight: 0,
            calls: 0,
            limited: false,
        });
        self.begin_calls(self.processes.len() - 1, now);
    }

    fn begin_calls(&mut self, number: usize, now: Micros) {
        loop {
            let process = &mut self.processes[number];
            let free = process.limiter.limit().saturating_sub(process.in_flight);
            let needed = if process.calls == 0 { 1 } else { BATCH_MAX };
            if free < needed {
                process.limited = true;
                return;
            }
            let size = free.min(BATCH_MAX);
            process.in_flight += size;
            process.calls += 1;
            let arrives = now + self.round_trip / 2;
            let begins = arrives.max(self.free_at);
            let slowness = self.slowness.iter().rev().find(|(from, _)| *from <= begins);
            let cost = (CALL + REQUEST * size as u64) * slowness.map_or(1, |(_, times)| *times);
            self.free_at = begins + cost;
            let call = Call {
                process: number,
                size,
                began: now,
            };
            let answered = self.free_at + self.round_trip / 2;
            self.in_flight.push(Reverse((answered, self.calls.len())));
            self.calls.push(call);
        }
    }

    fn run(&mut self, until: Micros) {
        let start = now();
        let at = |micros| start + Duration::from_micros(micros);
        while let Some(&Reverse((now, number))) = self.in_flight.peek()
            && now < until
        {
            self.in_flight.pop();
            let call = self.calls[number];
            self.answered.push((now, call));
            let process = &mut self.processes[call.process];
            process.in_flight -= call.size;
            process.calls -= 1;
            let changed = process.limiter.observe(Observation {
                began: at(call.began),
                ended: at(now),
                outcome: Outcome::Answered,
                limited: process.limited,
            });
            if changed {
                process.limited = false;
            }
            self.begin_calls(call.process, now);
        }
    }

    /// Returns the number of requests that were answered.
    fn answered(&self, during: &Range<Micros>) -> usize {
        self.during(during).map(|(_, call)| call.size).sum()
    }

    fn during(&self, during: &Range<Micros>) -> impl Iterator<Item = &(Micros, Call)> {
        self.answered
            .iter()
            .filter(move |(at, _)| during.contains(at))
    }

    /// Asserts that the store served 90 % of its capacity, and that no call exceeded `latency_max`.
    fn assert_good(&self, during: Range<Micros>, slowness: u64, latency_max: Duration) {
        let full_batch = (CALL + REQUEST * BATCH_MAX as u64) * slowness;
        let capacity = (during.end - during.start) * BATCH_MAX as u64 / full_batch;
        let answered = self.answered(&during) as u64;
        let longest = self.during(&during).map(|(at, call)| at - call.began).max();
        let longest = Duration::from_micros(longest.unwrap());
        println!("{answered} of {capacity}, in {longest:?} at most");
        assert!(answered * 10 >= capacity * 9, "{answered} of {capacity}");
        assert!(longest <= latency_max, "{longest:?}");
    }
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_near_store_is_fully_used_at_any_speed() {
    for processes in [1, 4] {
        for (slowness, latency_max) in [(1, 75), (10, 75), (100, 350)] {
            let mut simulation = Simulation::new(1_000, &[(0, slowness)]);
            for _ in 0..processes {
                simulation.add_process(0);
            }
            simulation.run(60 * SECOND);
            println!("{processes} processes, {slowness} times as slow");
            simulation.assert_good(5 * SECOND..60 * SECOND, slowness, millis(latency_max));
        }
    }
}

#[test]
fn a_distant_store_is_fully_used() {
    for processes in [1, 4] {
        // 5,800 requests a second: 1,160 are in transit.
        let mut simulation = Simulation::new(200_000, &[(0, 10)]);
        for _ in 0..processes {
            simulation.add_process(0);
        }
        simulation.run(60 * SECOND);
        println!("{processes} processes");
        simulation.assert_good(10 * SECOND..60 * SECOND, 10, millis(600));
    }
}

#[test]
fn a_store_that_slows_down_gets_fewer_requests_until_it_recovers() {
    for slowness in [10, 100] {
        for processes in [1, 4] {
            let (slow, fast) = (20 * SECOND, 60 * SECOND);
            let mut simulation = Simulation::new(1_000, &[(0, 1), (slow, slowness), (fast, 1)]);
            for _ in 0..processes {
                simulation.add_process(0);
            }
            simulation.run(80 * SECOND);
            println!("{processes} processes, {slowness} times as slow");
            simulation.assert_good(5 * SECOND..slow, 1, millis(75));
            // The store first finishes the backlog that it had accepted when it slowed down.
            simulation.assert_good(slow + 10 * SECOND..fast, slowness, millis(350));
            simulation.assert_good(fast + 2 * SECOND..80 * SECOND, 1, millis(75));
        }
    }
}

#[test]
fn a_long_overload_does_not_raise_the_threshold_without_end() {
    for (slowness, latency_max) in [(10, 75), (100, 350)] {
        let mut simulation = Simulation::new(1_000, &[(0, slowness)]);
        for _ in 0..4 {
            simulation.add_process(0);
        }
        simulation.run(600 * SECOND);
        println!("{slowness} times as slow");
        simulation.assert_good(500 * SECOND..600 * SECOND, slowness, millis(latency_max));
    }
}

#[test]
fn a_store_that_becomes_distant_is_fully_used_again() {
    let mut near = Simulation::new(1_000, &[(0, 10)]);
    for _ in 0..4 {
        near.add_process(0);
    }
    near.run(20 * SECOND);
    near.round_trip = 150_000;
    near.run(60 * SECOND);
    near.assert_good(40 * SECOND..60 * SECOND, 10, millis(400));
}

#[test]
fn a_process_that_starts_on_a_busy_store_gets_its_share_and_leaves_others_theirs() {
    let mut simulation = Simulation::new(1_000, &[(0, 10)]);
    for _ in 0..3 {
        simulation.add_process(0);
    }
    simulation.run(20 * SECOND);
    simulation.add_process(20 * SECOND);
    simulation.run(80 * SECOND);
    let during = 40 * SECOND..80 * SECOND;
    simulation.assert_good(during.clone(), 10, millis(75));
    let all = simulation.answered(&during);
    for number in 0..4 {
        let calls = simulation.during(&during).map(|(_, call)| call);
        let own: usize = calls
            .filter(|call| call.process == number)
            .map(|call| call.size)
            .sum();
        assert!(own * 8 >= all, "process {number}: {own} of {all}");
    }
}
