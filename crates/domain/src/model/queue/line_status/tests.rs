use proptest::{collection, prelude::*};

use super::*;
use crate::model::queue::{PolicyState, SaleState};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn arrival(number: u64) -> Arrival {
    Arrival::from_micros(i64::try_from(number).unwrap())
}

fn status(second: i64, admitted_up_to: u64, passed: u64) -> LineStatus {
    LineStatus {
        as_of: at(second),
        generation: Generation(1),
        queue: QueueView {
            state: PolicyState::Open,
            opens_at: None,
            recovering: false,
            sale: SaleState::OnSale,
        },
        admitted_up_to: (admitted_up_to > 0).then(|| arrival(admitted_up_to)),
        passed,
        waiting: 10,
        throughput: None,
        window: None,
        reentry_until: None,
        heartbeat_after: HeartbeatPauses::of(
            Duration::from_mins(5),
            Some(Duration::from_secs(45)),
            100,
        ),
    }
}

/// Returns a client with arrival 5 and ordinal 5, as of second 10.
fn follower() -> LineFollower {
    LineFollower::new(arrival(5), Generation(1), 5, at(10))
}

#[test]
fn a_client_waits_until_admission_reaches_its_arrival() {
    for (admitted_up_to, passed, advice) in [
        (0, 0, LineAdvice::Wait { position: 5 }),
        (3, 3, LineAdvice::Wait { position: 2 }),
        (4, 2, LineAdvice::Wait { position: 3 }),
        (4, 9, LineAdvice::Wait { position: 1 }),
        (5, 4, LineAdvice::Turn),
        (9, 9, LineAdvice::Turn),
    ] {
        let read = follower().read(&status(11, admitted_up_to, passed), Duration::ZERO);
        assert_eq!(read, advice, "{admitted_up_to} {passed}");
    }
}

#[test]
fn a_status_of_no_use_sends_the_client_to_the_origin() {
    type Change = fn(&mut LineStatus);
    let changes: [(bool, Change); 7] = [
        (true, |_| {}),
        (false, |status| status.generation = Generation(2)),
        (false, |status| status.queue.recovering = true),
        (false, |status| status.reentry_until = Some(at(12))),
        (true, |status| status.reentry_until = Some(at(11))),
        (false, |status| status.as_of = at(9)),
        (true, |status| status.as_of = at(10)),
    ];
    for (number, (is_of_use, change)) in changes.into_iter().enumerate() {
        let mut status = status(11, 0, 0);
        change(&mut status);
        let advice = follower().read(&status, Duration::from_secs(20));
        assert_eq!(
            advice != LineAdvice::AskOrigin,
            is_of_use,
            "change {number}"
        );
    }
    let too_old = follower().read(&status(11, 9, 9), Duration::from_millis(20_001));
    assert_eq!(too_old, LineAdvice::AskOrigin);
}

#[test]
fn the_smallest_ordinal_of_a_generation_counts() {
    let mut follower = follower();
    follower.note(Generation(1), 7, at(11));
    assert_eq!(
        follower.read(&status(12, 0, 1), Duration::ZERO),
        LineAdvice::Wait { position: 4 }
    );
    follower.note(Generation(1), 3, at(12));
    assert_eq!(
        follower.read(&status(12, 0, 1), Duration::ZERO),
        LineAdvice::Wait { position: 2 }
    );
    follower.note(Generation(2), 9, at(13));
    assert_eq!(
        follower.read(&status(14, 0, 1), Duration::ZERO),
        LineAdvice::AskOrigin
    );
}

#[test]
fn heartbeat_pauses_follow_from_the_absence_and_the_waiting_ttl() {
    for (ttl_s, absence_s, near_s, far_s) in [
        (300, Some(45), 15, 30),
        (90, Some(45), 15, 15),
        (60, None, 10, 10),
        (600, Some(90), 30, 60),
        (3_600, Some(45), 15, 30),
    ] {
        let absence = absence_s.map(Duration::from_secs);
        let pauses = HeartbeatPauses::of(Duration::from_secs(ttl_s), absence, 7);
        let (near, far) = (Duration::from_secs(near_s), Duration::from_secs(far_s));
        assert_eq!((pauses.at(7), pauses.at(8)), (near, far), "{ttl_s}");
    }
}

/// A line from whose head users are admitted, and which any user may leave.
#[derive(Debug, Clone, Default)]
struct TestLine {
    /// The arrivals of the waiting users.
    waiting: Vec<u64>,
    last_arrival: u64,
    passed: u64,
    admitted_up_to: u64,
    second: i64,
}

#[derive(Debug, Clone)]
enum Event {
    Join,
    Admit(usize),
    /// The position of the user in the line, in hundredths of its length.
    Leave(usize),
}

impl TestLine {
    fn apply(&mut self, event: &Event) {
        self.second += 1;
        match event {
            Event::Join => {
                self.last_arrival += 1;
                self.waiting.push(self.last_arrival);
            }
            Event::Admit(count) => {
                for arrival in self.waiting.drain(..self.waiting.len().min(*count)) {
                    self.passed += 1;
                    self.admitted_up_to = arrival;
                }
            }
            Event::Leave(part) => {
                if !self.waiting.is_empty() {
                    self.waiting.remove(self.waiting.len() * part / 100);
                }
            }
        }
    }

    fn position(&self, arrival: u64) -> Option<u64> {
        let index = self.waiting.iter().position(|other| *other == arrival)?;
        Some(index as u64 + 1)
    }

    fn status(&self) -> LineStatus {
        status(self.second, self.admitted_up_to, self.passed)
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Join),
        2 => (1..6_usize).prop_map(Event::Admit),
        2 => (0..100_usize).prop_map(Event::Leave),
    ]
}

proptest! {
    /// Follows the line with a client that reads every `every`-th status and asks the origin after
    /// every `asks`-th event.
    #[test]
    fn a_follower_misses_no_turn_and_its_position_neither_understates_nor_grows(
        before in collection::vec(event(), 0..40),
        after in collection::vec(event(), 1..80),
        every in 1..5_usize,
        asks in 2..9_usize,
    ) {
        let mut line = TestLine::default();
        for event in &before {
            line.apply(event);
        }
        line.apply(&Event::Join);
        let own = line.last_arrival;
        let ordinal = |line: &TestLine| line.position(own).map(|position| position + line.passed);
        let mut follower = LineFollower::new(
            arrival(own),
            Generation(1),
            ordinal(&line).unwrap(),
            at(line.second),
        );
        let mut shown = u64::MAX;
        for (number, event) in after.iter().enumerate() {
            line.apply(event);
            if number % asks == 0 && let Some(ordinal) = ordinal(&line) {
                follower.note(Generation(1), ordinal, at(line.second));
            }
            if number % every != 0 {
                continue;
            }
            match follower.read(&line.status(), Duration::ZERO) {
                LineAdvice::Turn => prop_assert!(own <= line.admitted_up_to),
                LineAdvice::AskOrigin => prop_assert!(false, "every status is of use"),
                LineAdvice::Wait { position } => {
                    // The first status after an admission shows it.
                    prop_assert!(own > line.admitted_up_to);
                    if let Some(actual) = line.position(own) {
                        prop_assert!(position >= actual, "{position} {actual}");
                    }
                    prop_assert!(position <= shown, "{position} {shown}");
                    shown = position;
                }
            }
        }
    }
}
