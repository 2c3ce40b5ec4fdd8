//! Random sequences of steps of a queue.

use std::{fmt, time::Duration};

use frontrow_domain::model::queue::{
    Capacity, GatePurpose, PolicyState, QueuePolicy, SaleState, Throughput,
};
use jiff::{SignedDuration, Timestamp};
use proptest::{collection, option, prelude::*};

/// How exact the positions of an adapter are. The adapter's documentation says so too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// Exact, except that expired places may count until a tick has removed them.
    Exact,
    /// Overstated at most by the users ahead who stopped waiting without being admitted.
    OverStated,
}

/// How many users there are.
pub(crate) const USERS: usize = 6;

/// The waiting lifetime. It is the same in all policies of a sequence, so that there is no doubt
/// which of them says how long users may re-enter.
const WAITING_TTL: Duration = Duration::from_secs(20);

/// The length of a window. It is the same in all policies of a sequence, because it is not visible
/// from outside which window runs when a policy changes and no user was admitted in it.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long a recovery lasts.
pub(crate) const RECOVERY: Duration = Duration::from_secs(15);

/// How long an active place waits for its claim, in seconds.
pub(super) const CLAIM_S: [u64; 2] = [12, 40];

/// How long a claimed place lasts, in seconds.
pub(super) const ACTIVE_S: [u64; 2] = [30, 90];

/// One step.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Join {
        user: usize,
        shows: Option<usize>,
    },
    LookUp(Shown),
    Gate(Shown, GatePurpose),
    Leave(Shown),
    Admit {
        limit: u32,
    },
    Expire,
    Change(Rules),
    OfferOldPolicy(Rules),
    Sale(SaleState),
    AskControl,
    /// The served users are read.
    AskServed,
    /// A snapshot is read with the cursor of the snapshot this number of snapshots ago, or with
    /// none.
    Look {
        since: Option<usize>,
    },
    /// Heartbeats of these users are recorded, each this many milliseconds old.
    RecordHeartbeats(Vec<(Shown, i64)>),
    Pass {
        millis: i64,
    },
    Rewind {
        millis: i64,
    },
    /// Time passes in service.
    Serve {
        seconds: u32,
    },
    Lose {
        recovers: bool,
        /// Whether it is known which users were served before.
        knows_served: bool,
        rules: Rules,
    },
    /// The store is copied, as a replica or a backup has it.
    Copy,
    /// The last copy, on another server, replaces the store.
    LoseLastWrites,
}

/// A ticket that a user has kept: 0 is the newest, 1 the one before, and so on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) user: usize,
    pub(crate) age: usize,
}

/// A policy in short form.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    state: PolicyState,
    opens_in_s: Option<i64>,
    admit: Option<u32>,
    max_active: Option<u32>,
    max_waiting: Option<u64>,
    claim_s: u64,
    active_s: u64,
    absent_after_s: Option<u64>,
}

/// A sequence, with the policy that it starts with.
#[derive(Clone)]
pub(crate) struct Sequence {
    pub(crate) start: Rules,
    pub(crate) steps: Vec<Step>,
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

impl Rules {
    /// Returns rules with a capacity of `max_active`.
    #[cfg(test)]
    pub(super) fn by_capacity(state: PolicyState, max_active: u32) -> Self {
        Self {
            state,
            opens_in_s: None,
            admit: None,
            max_active: Some(max_active),
            max_waiting: None,
            claim_s: 12,
            active_s: 30,
            absent_after_s: None,
        }
    }

    /// Returns the policy that these rules make at `now`.
    pub(crate) fn policy(&self, now: Timestamp) -> QueuePolicy {
        // A queue needs a limit, so one without a capacity and a rate gets a rate.
        let admit = self.admit.or(self.max_active.is_none().then_some(1));
        QueuePolicy {
            state: self.state,
            opens_at: self
                .opens_in_s
                .map(|seconds| now + SignedDuration::from_secs(seconds)),
            throughput: admit.map(|admit| Throughput {
                admit,
                interval: INTERVAL,
            }),
            capacity: self.max_active.map(|max_active| Capacity { max_active }),
            waiting_ttl: WAITING_TTL,
            claim_ttl: Duration::from_secs(self.claim_s),
            active_ttl: Duration::from_secs(self.active_s),
            max_waiting: self.max_waiting,
            absent_after: self.absent_after_s.map(Duration::from_secs),
        }
    }
}

/// Generates any sequence.
pub(crate) fn sequence() -> impl Strategy<Value = Sequence> {
    (rules(), collection::vec(step(), 1..40)).prop_map(|(start, steps)| Sequence { start, steps })
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let user = 0..USERS;
    prop_oneof![
        10 => (user, option::weighted(0.3, 0..3_usize))
            .prop_map(|(user, shows)| Step::Join { user, shows }),
        6 => shown().prop_map(Step::LookUp),
        6 => (shown(), purpose()).prop_map(|(shown, purpose)| Step::Gate(shown, purpose)),
        3 => shown().prop_map(Step::Leave),
        6 => prop_oneof![1..3_u32, Just(100)].prop_map(|limit| Step::Admit { limit }),
        2 => Just(Step::Expire),
        3 => rules().prop_map(Step::Change),
        1 => rules().prop_map(Step::OfferOldPolicy),
        1 => sale().prop_map(Step::Sale),
        1 => Just(Step::AskControl),
        3 => Just(Step::AskServed),
        4 => option::weighted(0.9, 0..3_usize).prop_map(|since| Step::Look { since }),
        6 => collection::vec((shown(), -2_000..18_000_i64), 1..4).prop_map(Step::RecordHeartbeats),
        4 => (200..4_800_i64).prop_map(|millis| Step::Pass { millis }),
        2 => (5_200..60_000_i64).prop_map(|millis| Step::Pass { millis }),
        2 => (200..30_000_i64).prop_map(|millis| Step::Rewind { millis }),
        5 => (1..25_u32).prop_map(|seconds| Step::Serve { seconds }),
        1 => (any::<bool>(), any::<bool>(), rules()).prop_map(|(recovers, knows_served, rules)| {
            Step::Lose { recovers, knows_served, rules }
        }),
        2 => Just(Step::Copy),
        2 => Just(Step::LoseLastWrites),
    ]
}

fn shown() -> impl Strategy<Value = Shown> {
    let age = prop_oneof![4 => Just(0_usize), 1 => 1..4_usize];
    (0..USERS, age).prop_map(|(user, age)| Shown { user, age })
}

fn purpose() -> impl Strategy<Value = GatePurpose> {
    let hold = (1..60_u64).prop_map(|seconds| GatePurpose::Hold {
        hold_for: Duration::from_secs(seconds),
    });
    prop_oneof![Just(GatePurpose::Browse), Just(GatePurpose::Pay), hold]
}

pub(super) fn rules() -> impl Strategy<Value = Rules> {
    let state = prop_oneof![
        6 => Just(PolicyState::Open),
        2 => Just(PolicyState::Paused),
        1 => Just(PolicyState::Bypass),
        1 => Just(PolicyState::Closed),
    ];
    (
        state,
        option::weighted(0.15, -10..30_i64),
        option::weighted(0.7, 1..4_u32),
        option::weighted(0.5, 1..4_u32),
        option::weighted(0.2, 0..4_u64),
        (
            prop_oneof![Just(CLAIM_S[0]), Just(CLAIM_S[1])],
            prop_oneof![Just(ACTIVE_S[0]), Just(ACTIVE_S[1])],
        ),
        option::weighted(0.7, 3..11_u64),
    )
        .prop_map(
            |(state, opens_in_s, admit, max_active, max_waiting, lifetimes, absent_after_s)| {
                Rules {
                    state,
                    opens_in_s,
                    admit,
                    max_active,
                    max_waiting,
                    claim_s: lifetimes.0,
                    active_s: lifetimes.1,
                    absent_after_s,
                }
            },
        )
}

/// Generates what is left to buy: seats in half of the cases, so that sequences go on.
pub(crate) fn sale() -> impl Strategy<Value = SaleState> {
    prop_oneof![
        3 => Just(SaleState::OnSale),
        1 => Just(SaleState::SoldOut),
        1 => Just(SaleState::Ended),
        1 => Just(SaleState::Unplanned),
    ]
}
