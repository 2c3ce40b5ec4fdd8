//! A request in a batch gets the same reply as it would get in a call of its own.

use std::{cell::Cell, time::Duration};

use frontrow_adapter_redis::RedisStore;
use frontrow_domain::{
    model::queue::{
        Capacity, GatePurpose, PolicyState, PolicyVersion, QueueSeed, SaleCount, SaleState,
        Standing, Throughput, Ticket,
    },
    ports::{
        GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Queue, QueueControl, Stamped,
        StoreResult,
    },
};
use frontrow_port_contracts::{
    policies,
    test_queue::{TestQueue, user},
};
use futures_util::future::join_all;
use proptest::{
    collection,
    prelude::*,
    sample::{select, subsequence},
    test_runner::TestRunner,
};
use tokio::runtime::Builder;
use uuid::Uuid;

use crate::store_fixture::StoreFixture;

const USERS: usize = 12;

/// Calls of several users at once, or a change of the queue between them.
#[derive(Debug, Clone)]
enum Step {
    Join(Vec<usize>),
    LookUp(Vec<usize>),
    Gate(Vec<(usize, bool)>),
    Leave(Vec<usize>),
    Admit(u32),
    Change(PolicyState),
    Sale(SaleState),
}

fn step() -> impl Strategy<Value = Step> {
    let some = || subsequence((0..USERS).collect::<Vec<_>>(), 1..=USERS).prop_shuffle();
    let holds = collection::vec(any::<bool>(), USERS);
    let gates = (some(), holds)
        .prop_map(|(numbers, holds)| numbers.into_iter().zip(holds).collect::<Vec<_>>());
    let state = prop_oneof![
        4 => Just(PolicyState::Open),
        1 => Just(PolicyState::Paused),
        1 => Just(PolicyState::Bypass),
        1 => Just(PolicyState::Closed),
    ];
    prop_oneof![
        4 => some().prop_map(Step::Join),
        3 => some().prop_map(Step::LookUp),
        3 => gates.prop_map(Step::Gate),
        1 => some().prop_map(Step::Leave),
        2 => (1_u32..5).prop_map(Step::Admit),
        1 => state.prop_map(Step::Change),
        1 => select(&SaleState::ALL).prop_map(Step::Sale),
    ]
}

/// The answer to one user, without the instants, which differ.
#[derive(Debug, PartialEq)]
enum Answer {
    Waits(u64, u64),
    Active { claimed: bool },
    Other(String),
}

impl Answer {
    fn of(standing: Standing) -> Self {
        match standing {
            Standing::Waiting {
                position, behind, ..
            } => Self::Waits(position, behind),
            Standing::Active { claimed, .. } => Self::Active { claimed },
        }
    }
}

/// A queue, and the tickets of its users.
struct TestedQueue {
    test_queue: TestQueue<RedisStore>,
    tickets: Vec<Option<Ticket>>,
    version: i64,
}

impl TestedQueue {
    async fn new(fixture: &StoreFixture, number: u128) -> Self {
        let mut test_queue = TestQueue::on(fixture.store.clone());
        test_queue.concert.0 = Uuid::from_u128(number);
        let mut tested = Self {
            test_queue,
            tickets: vec![None; USERS],
            version: 0,
        };
        tested.change(PolicyState::Open).await;
        tested
    }

    /// Changes the state of the queue. Its policy admits 3 users an hour, and has at most 5 active
    /// and 8 waiting users.
    async fn change(&mut self, state: PolicyState) {
        self.version += 1;
        let mut seed: QueueSeed = self.test_queue.seed_of(policies::in_state(state), None);
        seed.policy.version = PolicyVersion(self.version);
        seed.policy.policy.throughput = Some(Throughput {
            admit: 3,
            interval: Duration::from_hours(1),
        });
        seed.policy.policy.capacity = Some(Capacity { max_active: 5 });
        seed.policy.policy.max_waiting = Some(8);
        self.test_queue.store.seed(&seed).await.unwrap();
    }

    fn ticket(&self, number: usize) -> Option<&Ticket> {
        self.tickets.get(number)?.as_ref()
    }

    async fn join(&self, number: usize) -> (Option<Ticket>, Answer) {
        let name = user(&format!("user-{number}"));
        let joined = self
            .test_queue
            .store
            .join(self.test_queue.concert, &name, None);
        match joined.await.unwrap().value {
            JoinOutcome::Joined(place) | JoinOutcome::Held(place) => {
                assert_eq!(place.ticket.user, name);
                (Some(place.ticket), Answer::of(place.standing))
            }
            JoinOutcome::Refused(why, _) => (None, Answer::Other(format!("{why:?}"))),
            JoinOutcome::NotSeeded => panic!("there is a queue"),
        }
    }

    async fn look_up(&self, number: usize) -> Option<Answer> {
        let ticket = self.ticket(number)?;
        Some(
            match value_of(self.test_queue.store.look_up(ticket).await) {
                LookUpOutcome::Found(place) => {
                    assert_eq!(&place.ticket, ticket);
                    Answer::of(place.standing)
                }
                other => Answer::Other(format!("{other:?}")),
            },
        )
    }

    async fn gate(&self, number: usize, holds: bool) -> Option<Answer> {
        let ticket = self.ticket(number)?;
        let purpose = if holds {
            GatePurpose::Hold {
                hold_for: Duration::from_mins(5),
            }
        } else {
            GatePurpose::Browse
        };
        Some(
            match value_of(self.test_queue.store.pass_gate(ticket, purpose).await) {
                GateOutcome::Passed(place) | GateOutcome::Waiting(place) => {
                    assert_eq!(&place.ticket, ticket);
                    Answer::of(place.standing)
                }
                other => Answer::Other(format!("{other:?}")),
            },
        )
    }

    async fn leave(&self, number: usize) -> Option<Answer> {
        let ticket = self.ticket(number)?;
        let left: LeaveOutcome = value_of(self.test_queue.store.leave(ticket).await);
        Some(Answer::Other(format!("{left:?}")))
    }

    /// Runs a step, with all of its calls at once or one after the other. Returns the answer to
    /// each.
    async fn run(&mut self, step: &Step, at_once: bool) -> Vec<Option<Answer>> {
        match step {
            Step::Join(numbers) => {
                let joined =
                    run_all(at_once, numbers.iter().map(|number| self.join(*number))).await;
                let mut answers = Vec::new();
                for (number, (ticket, answer)) in numbers.iter().zip(joined) {
                    if let (Some(ticket), Some(slot)) = (ticket, self.tickets.get_mut(*number)) {
                        *slot = Some(ticket);
                    }
                    answers.push(Some(answer));
                }
                answers
            }
            Step::LookUp(numbers) => {
                run_all(at_once, numbers.iter().map(|number| self.look_up(*number))).await
            }
            Step::Gate(numbers) => {
                let calls = numbers
                    .iter()
                    .map(|(number, holds)| self.gate(*number, *holds));
                run_all(at_once, calls).await
            }
            Step::Leave(numbers) => {
                run_all(at_once, numbers.iter().map(|number| self.leave(*number))).await
            }
            Step::Admit(limit) => {
                let done = self.test_queue.admit(*limit).await.done;
                vec![Some(Answer::Other(format!("{done} admitted")))]
            }
            Step::Change(state) => {
                self.change(*state).await;
                Vec::new()
            }
            Step::Sale(sale) => {
                let concert = self.test_queue.concert;
                let count = SaleCount {
                    sale: *sale,
                    ..SaleCount::default()
                };
                let set = self.test_queue.store.set_sale(concert, count);
                set.await.unwrap();
                Vec::new()
            }
        }
    }
}

fn value_of<T>(answer: StoreResult<Stamped<T>>) -> T {
    answer.unwrap().value
}

async fn run_all<T>(at_once: bool, calls: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    if at_once {
        return join_all(calls).await;
    }
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await);
    }
    answers
}

#[test]
fn a_request_in_a_batch_gets_the_reply_of_a_call_of_its_own() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let fixture = runtime.block_on(StoreFixture::open());
    let queues = Cell::new(0);
    TestRunner::deterministic()
        .run(&collection::vec(step(), 1..16), |steps| {
            let first = queues.get();
            queues.set(first + 2);
            runtime.block_on(async {
                let mut together = TestedQueue::new(&fixture, first).await;
                let mut alone = TestedQueue::new(&fixture, first + 1).await;
                for step in &steps {
                    let shared = together.run(step, true).await;
                    prop_assert_eq!(shared, alone.run(step, false).await, "at {:?}", step);
                }
                Ok(())
            })
        })
        .unwrap();
    // The connections of the store need their runtime until they are dropped.
    let _in_runtime = runtime.enter();
    drop(fixture);
}
