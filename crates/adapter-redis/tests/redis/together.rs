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

use crate::one_store::OneStore;

const PEOPLE: usize = 12;

/// What the same people are asked at once, and what happens in between.
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
    let some = || subsequence((0..PEOPLE).collect::<Vec<_>>(), 1..=PEOPLE).prop_shuffle();
    let holds = collection::vec(any::<bool>(), PEOPLE);
    let state = prop_oneof![
        4 => Just(PolicyState::Open),
        1 => Just(PolicyState::Paused),
        1 => Just(PolicyState::Bypass),
        1 => Just(PolicyState::Closed),
    ];
    prop_oneof![
        4 => some().prop_map(Step::Join),
        3 => some().prop_map(Step::LookUp),
        3 => (some(), holds).prop_map(|(who, holds)| Step::Gate(who.into_iter().zip(holds).collect())),
        1 => some().prop_map(Step::Leave),
        2 => (1_u32..5).prop_map(Step::Admit),
        1 => state.prop_map(Step::Change),
        1 => select(&SaleState::ALL).prop_map(Step::Sale),
    ]
}

/// What one person is told, without the instants, which differ.
#[derive(Debug, PartialEq)]
enum UserReply {
    Waits(u64, u64),
    Active { claimed: bool },
    Nothing(String),
}

impl UserReply {
    fn of(standing: Standing) -> Self {
        match standing {
            Standing::Waiting {
                position, behind, ..
            } => Self::Waits(position, behind),
            Standing::Active { claimed, .. } => Self::Active { claimed },
        }
    }
}

/// A queue, and the tickets of its people.
struct Side {
    test_queue: TestQueue<RedisStore>,
    tickets: Vec<Option<Ticket>>,
    version: i64,
}

impl Side {
    async fn new(one: &OneStore, number: u128) -> Self {
        let mut test_queue = TestQueue::on(one.store.clone());
        test_queue.concert.0 = Uuid::from_u128(number);
        let mut side = Self {
            test_queue,
            tickets: vec![None; PEOPLE],
            version: 0,
        };
        side.change(PolicyState::Open).await;
        side
    }

    /// At most three in an hour, at most five at once, and at most eight wait.
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

    fn ticket(&self, who: usize) -> Option<&Ticket> {
        self.tickets.get(who)?.as_ref()
    }

    async fn join(&self, who: usize) -> (Option<Ticket>, UserReply) {
        let name = user(&format!("user-{who}"));
        let joined = self
            .test_queue
            .store
            .join(self.test_queue.concert, &name, None);
        match joined.await.unwrap().value {
            JoinOutcome::Joined(place) | JoinOutcome::Held(place) => {
                assert_eq!(place.ticket.user, name);
                (Some(place.ticket), UserReply::of(place.standing))
            }
            JoinOutcome::Refused(why, _) => (None, UserReply::Nothing(format!("{why:?}"))),
            JoinOutcome::NotSeeded => panic!("there is a queue"),
        }
    }

    async fn look_up(&self, who: usize) -> Option<UserReply> {
        let ticket = self.ticket(who)?;
        Some(match told(self.test_queue.store.look_up(ticket).await) {
            LookUpOutcome::Found(place) => {
                assert_eq!(&place.ticket, ticket);
                UserReply::of(place.standing)
            }
            other => UserReply::Nothing(format!("{other:?}")),
        })
    }

    async fn gate(&self, who: usize, holds: bool) -> Option<UserReply> {
        let ticket = self.ticket(who)?;
        let purpose = if holds {
            GatePurpose::Hold {
                hold_for: Duration::from_mins(5),
            }
        } else {
            GatePurpose::Browse
        };
        Some(
            match told(self.test_queue.store.pass_gate(ticket, purpose).await) {
                GateOutcome::Passed(place) | GateOutcome::Waiting(place) => {
                    assert_eq!(&place.ticket, ticket);
                    UserReply::of(place.standing)
                }
                other => UserReply::Nothing(format!("{other:?}")),
            },
        )
    }

    async fn leave(&self, who: usize) -> Option<UserReply> {
        let ticket = self.ticket(who)?;
        let left: LeaveOutcome = told(self.test_queue.store.leave(ticket).await);
        Some(UserReply::Nothing(format!("{left:?}")))
    }

    /// What each is told; all at once, or one after the other.
    async fn take(&mut self, step: &Step, at_once: bool) -> Vec<Option<UserReply>> {
        match step {
            Step::Join(who) => {
                let joined = all(at_once, who.iter().map(|who| self.join(*who))).await;
                let mut answers = Vec::new();
                for (who, (ticket, told)) in who.iter().zip(joined) {
                    if let (Some(ticket), Some(kept)) = (ticket, self.tickets.get_mut(*who)) {
                        *kept = Some(ticket);
                    }
                    answers.push(Some(told));
                }
                answers
            }
            Step::LookUp(who) => all(at_once, who.iter().map(|who| self.look_up(*who))).await,
            Step::Gate(who) => {
                let asked = who.iter().map(|(who, holds)| self.gate(*who, *holds));
                all(at_once, asked).await
            }
            Step::Leave(who) => all(at_once, who.iter().map(|who| self.leave(*who))).await,
            Step::Admit(limit) => {
                let done = self.test_queue.admit(*limit).await.done;
                vec![Some(UserReply::Nothing(format!("{done} admitted")))]
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

fn told<T>(answer: StoreResult<Stamped<T>>) -> T {
    answer.unwrap().value
}

async fn all<T>(at_once: bool, asked: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    if at_once {
        return join_all(asked).await;
    }
    let mut answers = Vec::new();
    for one in asked {
        answers.push(one.await);
    }
    answers
}

#[test]
fn whoever_shares_a_call_is_told_what_they_would_be_told_alone() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let one = runtime.block_on(OneStore::open());
    let queues = Cell::new(0);
    TestRunner::deterministic()
        .run(&collection::vec(step(), 1..16), |steps| {
            let first = queues.get();
            queues.set(first + 2);
            runtime.block_on(async {
                let mut together = Side::new(&one, first).await;
                let mut alone = Side::new(&one, first + 1).await;
                for step in &steps {
                    let shared = together.take(step, true).await;
                    prop_assert_eq!(shared, alone.take(step, false).await, "at {:?}", step);
                }
                Ok(())
            })
        })
        .unwrap();
    // What the store keeps connected needs its runtime to the end.
    let _in_runtime = runtime.enter();
    drop(one);
}
