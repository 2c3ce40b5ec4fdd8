//! Random sequences of steps for two instances and the store behind them.

use std::{fmt, time::Duration};

use frontrow_domain::model::queue::{PolicyState, QueuePolicy, SaleState, Throughput};
use proptest::{collection, prelude::*};

use crate::model::sale;

/// How many users there are.
pub(super) const USERS: usize = 5;
/// How many instances.
pub(super) const INSTANCES: usize = 2;
/// How long a recovery lasts.
pub(super) const RECOVERY: Duration = Duration::from_secs(8);

/// One step. `at` is an instance.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Join {
        at: usize,
        user: usize,
    },
    LookUp {
        at: usize,
        user: usize,
    },
    /// As `LookUp`, but the answer of the store stays in flight until it is delivered.
    SlowLookUp {
        at: usize,
        user: usize,
    },
    /// One of the answers in flight arrives.
    Deliver {
        which: usize,
    },
    Gate {
        at: usize,
        user: usize,
    },
    Leave {
        at: usize,
        user: usize,
    },
    /// The jobs of every instance run, and at most this many users are admitted.
    Jobs {
        limit: u32,
    },
    Change(Rules),
    Sale(SaleState),
    /// Time passes, and no job runs.
    Pass {
        millis: i64,
    },
    /// Time passes. The jobs run every second, and these users look up their places as often.
    Serve {
        seconds: u32,
        polls: Vec<(usize, usize)>,
    },
    /// A clock steps: the store's, or an instance's.
    Shift {
        instance: Option<usize>,
        millis: i64,
    },
    Lose {
        recovers: bool,
    },
}

/// A policy in short form.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    state: PolicyState,
    admit: u32,
    waiting_s: u64,
}

impl Rules {
    /// Returns the policy that these rules make.
    pub(super) fn policy(&self) -> QueuePolicy {
        QueuePolicy {
            state: self.state,
            throughput: Some(Throughput {
                admit: self.admit,
                interval: Duration::from_secs(10),
            }),
            waiting_ttl: Duration::from_secs(self.waiting_s),
            claim_ttl: Duration::from_secs(40),
            active_ttl: Duration::from_secs(90),
            ..QueuePolicy::default()
        }
    }
}

/// A sequence, with the policy that it starts with.
#[derive(Clone)]
pub(super) struct Sequence {
    pub(super) start: Rules,
    pub(super) steps: Vec<Step>,
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  0. {:?}", self.start)?;
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "{number:3}. {step:?}")?;
        }
        Ok(())
    }
}

/// Generates any sequence.
pub(super) fn sequence() -> impl Strategy<Value = Sequence> {
    (rules(), collection::vec(step(), 1..60)).prop_map(|(start, steps)| Sequence { start, steps })
}

fn step() -> impl Strategy<Value = Step> {
    let instance_and_user = || (0..INSTANCES, 0..USERS);
    let shift = prop_oneof![-20_000..20_000_i64, -900..900_i64];
    let instance = prop_oneof![Just(None), (0..INSTANCES).prop_map(Some)];
    prop_oneof![
        10 => instance_and_user().prop_map(|(at, user)| Step::Join { at, user }),
        20 => instance_and_user().prop_map(|(at, user)| Step::LookUp { at, user }),
        5 => instance_and_user().prop_map(|(at, user)| Step::SlowLookUp { at, user }),
        5 => any::<usize>().prop_map(|which| Step::Deliver { which }),
        3 => instance_and_user().prop_map(|(at, user)| Step::Gate { at, user }),
        6 => instance_and_user().prop_map(|(at, user)| Step::Leave { at, user }),
        6 => (0..3_u32).prop_map(|limit| Step::Jobs { limit }),
        2 => rules().prop_map(Step::Change),
        1 => sale().prop_map(Step::Sale),
        8 => prop_oneof![1..700_i64, 500..3_000_i64].prop_map(|millis| Step::Pass { millis }),
        6 => (1..20_u32, collection::vec(instance_and_user(), 0..4))
            .prop_map(|(seconds, polls)| Step::Serve { seconds, polls }),
        1 => (instance, shift).prop_map(|(instance, millis)| Step::Shift { instance, millis }),
        1 => any::<bool>().prop_map(|recovers| Step::Lose { recovers }),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let state = prop_oneof![
        5 => Just(PolicyState::Open),
        4 => Just(PolicyState::Paused),
        1 => Just(PolicyState::Bypass),
    ];
    let waiting_s = prop_oneof![Just(30_u64), Just(60)];
    (state, 1..3_u32, waiting_s).prop_map(|(state, admit, waiting_s)| Rules {
        state,
        admit,
        waiting_s,
    })
}
