//! Random sequences of steps, in which each request is answered once and in order.

use std::collections::HashMap;

use frontrow_request_batching::{InFlight, Limits, Overload, Priority, SubmitError};
use proptest::prelude::*;
use tokio::{runtime::Builder, time::advance};

use crate::support::{Call, Fixture, Key, Submission, settle, wide};

const KEYS: [Key; 3] = ["a", "b", "c"];
const PRIORITIES: [Priority; 4] = [
    Priority::Urgent,
    Priority::High,
    Priority::Normal,
    Priority::Low,
];

#[derive(Debug, Clone)]
enum Step {
    Submit {
        key: usize,
        user: u32,
        priority: usize,
    },
    Leave(usize),
    Answer(usize),
    Fail(usize),
    Panic(usize),
    Board(usize),
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0..KEYS.len(), 0_u32..6, 0..PRIORITIES.len())
            .prop_map(|(key, user, priority)| Step::Submit { key, user, priority }),
        2 => any::<usize>().prop_map(Step::Leave),
        4 => any::<usize>().prop_map(Step::Answer),
        1 => any::<usize>().prop_map(Step::Fail),
        1 => any::<usize>().prop_map(Step::Panic),
        2 => any::<usize>().prop_map(Step::Board),
        1 => Just(Step::Wait),
    ];
    proptest::collection::vec(step, 1..120)
}

fn limits() -> impl Strategy<Value = Limits> {
    let calls = (1_usize..4, 1_usize..6);
    (1_usize..5, 1_usize..12, 1_usize..4, calls, 1_usize..12).prop_map(
        |(batch_max, pending_max, pending_per_user_max, calls, in_flight)| Limits {
            batch_max,
            pending_max,
            pending_per_user_max,
            calls_per_key_max: calls.0,
            calls_max: calls.1,
            in_flight: InFlight::Fixed(in_flight),
            ..wide()
        },
    )
}

/// The records of the test: the owner of each request, and the requests that were in a call.
#[derive(Default)]
struct Records {
    owners: Vec<(Key, u32)>,
    in_call: Vec<u32>,
    last: HashMap<(Key, u32), u32>,
}

impl Records {
    fn record_call(&mut self, call: &Call, requests: &[u32]) {
        for &request in requests {
            assert!(!self.in_call.contains(&request), "{request} twice");
            self.in_call.push(request);
            let owner = self.owners[request as usize];
            assert_eq!(owner.0, call.key);
            let last = self.last.insert(owner, request);
            assert!(last.is_none_or(|last| last < request), "out of order");
        }
    }

    fn check(&self, fixture: &Fixture, calls: &[Call], limits: &Limits) {
        let stats = fixture.batcher.stats();
        let in_flight: usize = calls.iter().map(|call| call.requests.len()).sum();
        let InFlight::Fixed(limit) = limits.in_flight else {
            unreachable!()
        };
        assert!(in_flight <= stats.in_flight && stats.in_flight <= limit);
        assert!(stats.pending <= limits.pending_max);
        assert!(stats.calls <= limits.calls_max);
        for key in KEYS {
            let of_key: Vec<_> = calls.iter().filter(|call| call.key == key).collect();
            assert!(of_key.len() <= limits.calls_per_key_max);
            let mut users: Vec<_> = of_key
                .iter()
                .flat_map(|call| &call.requests)
                .map(|&request| self.owners[request as usize].1)
                .collect();
            users.sort_unstable();
            let count = users.len();
            users.dedup();
            assert_eq!(users.len(), count, "a user twice");
            assert!(
                of_key
                    .iter()
                    .all(|call| call.requests.len() <= limits.batch_max)
            );
        }
        // If a request is pending, its key has a call or no capacity is left.
        assert!(stats.pending == 0 || stats.calls > 0);
    }
}

async fn run(limits: Limits, steps: Vec<Step>) {
    let mut fixture = Fixture::new(limits.clone());
    let mut records = Records::default();
    let mut calls: Vec<Call> = Vec::new();
    let mut submitted: Vec<(u32, Submission)> = Vec::new();
    for step in steps {
        match step {
            Step::Submit {
                key,
                user,
                priority,
            } => {
                let request = u32::try_from(records.owners.len()).unwrap();
                records.owners.push((KEYS[key], user));
                let new = fixture
                    .submit_as(KEYS[key], user, PRIORITIES[priority], request)
                    .await;
                submitted.push((request, new));
            }
            Step::Leave(at) if !submitted.is_empty() => {
                submitted.swap_remove(at % submitted.len());
            }
            Step::Answer(at) if !calls.is_empty() => calls.swap_remove(at % calls.len()).answer(),
            Step::Fail(at) if !calls.is_empty() => {
                calls.swap_remove(at % calls.len()).end(Err("no"));
            }
            Step::Panic(at) if !calls.is_empty() => calls.swap_remove(at % calls.len()).panic(),
            Step::Board(at) if !calls.is_empty() => {
                let at = at % calls.len();
                let new = calls[at].board().await;
                records.record_call(&calls[at], &new);
            }
            Step::Wait => advance(limits.queue_timeout / 3).await,
            _ => {}
        }
        settle().await;
        while let Some(call) = fixture.call_if_begun().await {
            records.record_call(&call, &call.requests);
            calls.push(call);
        }
        records.check(&fixture, &calls, &limits);
    }
    loop {
        for call in calls.drain(..) {
            call.answer();
        }
        let Some(call) = fixture.call_if_begun().await else {
            break;
        };
        records.record_call(&call, &call.requests);
        calls.push(call);
    }
    fixture.assert_is_idle().await;
    for (request, submitted) in submitted {
        let was_in_call = records.in_call.contains(&request);
        match submitted.answer().await {
            Ok(response) => assert_eq!(response, request),
            Err(SubmitError::Overloaded(why)) => {
                assert!(
                    !was_in_call && why != Overload::Closed,
                    "{request}: {why:?}"
                );
            }
            Err(SubmitError::Failed(_) | SubmitError::Lost) => assert!(was_in_call),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_request_is_answered_once(limits in limits(), steps in steps()) {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(run(limits, steps));
    }
}
