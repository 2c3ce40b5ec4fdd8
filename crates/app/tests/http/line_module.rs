//! The JavaScript module with which pages follow a line decides as the domain does.

use std::time::Duration;

use frontrow_domain::model::queue::{
    Arrival, Generation, HeartbeatPauses, LineAdvice, LineFollower, LineStatus, PolicyState,
    QueueView, SaleState,
};
use jiff::Timestamp;
use proptest::{collection, option, prelude::*};
use rquickjs::{Context, Module, Runtime};
use serde_json::{Value, json};

const MODULE: &str = include_str!("../../assets/line.js");

/// Follows a line from a place through these steps. Returns the result of each.
const FOLLOW: &str = "
    globalThis.follow = (place, steps) => {
        const follower = new LineFollower(place);
        return JSON.stringify(steps.map((step) => {
            if (step.note) return follower.note(step.note) ?? null;
            const advice = follower.read(step.line, step.age_ms);
            if (advice.position) advice.heartbeat = heartbeatAfterMs(step.line, advice.position);
            return advice;
        }));
    };
";

/// A place, as the origin returns it.
#[derive(Debug, Clone)]
struct PlaceAnswer {
    generation: u64,
    ordinal: u64,
    as_of_ms: i64,
}

#[derive(Debug, Clone)]
enum Step {
    Note(PlaceAnswer),
    Read {
        generation: u64,
        as_of_ms: i64,
        age_ms: u64,
        recovering: bool,
        reentry_until_ms: Option<i64>,
        admitted_up_to: Option<i64>,
        passed: u64,
        near_positions: u64,
    },
}

fn place() -> impl Strategy<Value = PlaceAnswer> {
    (1..3_u64, 1..40_u64, 0..9_000_i64).prop_map(|(generation, ordinal, as_of_ms)| PlaceAnswer {
        generation,
        ordinal,
        as_of_ms,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let read = (
        prop_oneof![9 => Just(1_u64), 1 => Just(2)],
        0..9_000_i64,
        prop_oneof![5 => 0..20_001_u64, 1 => 20_000..30_000_u64],
        prop::bool::weighted(0.1),
        option::weighted(0.2, 0..9_000_i64),
        option::weighted(0.8, 0..60_i64),
        (0..60_u64, 0..40_u64),
    );
    let read = read.prop_map(
        |(generation, as_of_ms, age_ms, recovering, reentry_until_ms, admitted_up_to, counts)| {
            let (passed, near_positions) = counts;
            Step::Read {
                generation,
                as_of_ms,
                age_ms,
                recovering,
                reentry_until_ms,
                admitted_up_to,
                passed,
                near_positions,
            }
        },
    );
    prop_oneof![1 => place().prop_map(Step::Note), 5 => read]
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap_or(Timestamp::MAX)
}

fn arrival(number: i64) -> Arrival {
    Arrival::from_micros(1_800_000_000_000_000 + number)
}

fn pauses(near_positions: u64) -> HeartbeatPauses {
    let (waiting_ttl, absence) = (Duration::from_mins(10), Duration::from_secs(90));
    HeartbeatPauses::of(waiting_ttl, Some(absence), near_positions)
}

/// The JSON, as the program writes it.
fn text(generation: u64) -> String {
    Generation(generation).to_string()
}

impl PlaceAnswer {
    fn json(&self, number: i64) -> Value {
        json!({
            "arrival_us": arrival(number).micros(),
            "generation": text(self.generation),
            "ordinal": self.ordinal,
            "as_of": at(self.as_of_ms),
        })
    }
}

impl Step {
    fn json(&self, number: i64) -> Value {
        match self {
            Self::Note(place) => json!({"note": place.json(number)}),
            Self::Read {
                generation,
                as_of_ms,
                age_ms,
                recovering,
                reentry_until_ms,
                admitted_up_to,
                passed,
                near_positions,
            } => json!({
                "age_ms": age_ms,
                "line": {
                    "generation": text(*generation),
                    "as_of": at(*as_of_ms),
                    "queue": {"recovering": recovering},
                    "reentry_until": reentry_until_ms.map(at),
                    "admitted_up_to_us": admitted_up_to.map(|number| arrival(number).micros()),
                    "passed": passed,
                    "heartbeat_after_ms": {
                        "near": pauses(*near_positions).near.as_millis(),
                        "far": pauses(*near_positions).far.as_millis(),
                        "near_positions": near_positions,
                    },
                },
            }),
        }
    }

    /// The same computation by the domain.
    fn take(&self, follower: &mut LineFollower) -> Value {
        match self {
            Self::Note(place) => {
                let generation = Generation(place.generation);
                follower.note(generation, place.ordinal, at(place.as_of_ms));
                Value::Null
            }
            Self::Read {
                generation,
                as_of_ms,
                age_ms,
                recovering,
                reentry_until_ms,
                admitted_up_to,
                passed,
                near_positions,
            } => {
                let status = LineStatus {
                    as_of: at(*as_of_ms),
                    generation: Generation(*generation),
                    queue: QueueView {
                        state: PolicyState::Open,
                        opens_at: None,
                        sale: SaleState::OnSale,
                        recovering: *recovering,
                    },
                    admitted_up_to: admitted_up_to.map(arrival),
                    passed: *passed,
                    waiting: 100,
                    throughput: None,
                    window: None,
                    reentry_until: reentry_until_ms.map(at),
                    heartbeat_after: pauses(*near_positions),
                };
                match follower.read(&status, Duration::from_millis(*age_ms)) {
                    LineAdvice::Wait { position } => {
                        let heartbeat = status.heartbeat_after.at(position).as_millis();
                        json!({"position": position, "heartbeat": heartbeat})
                    }
                    LineAdvice::Turn => json!({"ask": "turn"}),
                    LineAdvice::AskOrigin => json!({"ask": "origin"}),
                }
            }
        }
    }
}

#[test]
fn the_module_decides_as_the_domain_does() {
    let runtime = Runtime::new().unwrap();
    let context = Context::full(&runtime).unwrap();
    context.with(|context| {
        let module = format!("{MODULE}\n{FOLLOW}");
        let loaded = Module::evaluate(context.clone(), "line", module).unwrap();
        loaded.finish::<()>().unwrap();
        let case = (0..60_i64, place(), collection::vec(step(), 1..12));
        proptest!(|((number, place, steps) in case)| {
            let arrived = arrival(number);
            let generation = Generation(place.generation);
            let as_of = at(place.as_of_ms);
            let mut follower = LineFollower::new(arrived, generation, place.ordinal, as_of);
            let expected: Vec<_> = steps.iter().map(|step| step.take(&mut follower)).collect();
            let steps: Vec<_> = steps.iter().map(|step| step.json(number)).collect();
            let call = format!("follow({}, {})", place.json(number), Value::from(steps));
            let found: String = context.eval(call).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&found).unwrap(), Value::from(expected));
        });
    });
}
