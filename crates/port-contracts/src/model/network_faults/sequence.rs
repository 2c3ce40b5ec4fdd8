//! Sequences of steps, and the faults that some of them meet.

use std::fmt;

use proptest::{collection, option, prelude::*};

#[cfg(test)]
use frontrow_domain::model::queue::PolicyState;

#[cfg(test)]
use super::super::steps::Shown;
use super::super::steps::{Rules, Step, rules, step};
use crate::NetworkFault;

/// The probability that a step meets a fault.
const FAULT_SHARE: f64 = 0.2;
/// The maximum length of a sequence, in steps.
const STEPS_MAX: usize = 24;

/// A sequence, with the policy that it starts with, and the faults.
#[derive(Clone)]
pub(crate) struct FaultySequence {
    pub(super) start: Rules,
    pub(super) steps: Vec<(Step, Option<NetworkFault>)>,
}

impl fmt::Debug for FaultySequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  0. {:?}", self.start)?;
        for (number, (step, fault)) in (1..).zip(&self.steps) {
            write!(f, "{number:3}. {step:?}")?;
            match fault {
                Some(fault) => writeln!(f, " — {fault:?}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// Generates any sequence.
pub(super) fn faulty_sequence() -> impl Strategy<Value = FaultySequence> {
    let step = (step(), option::weighted(FAULT_SHARE, fault()));
    (rules(), collection::vec(step, 1..STEPS_MAX))
        .prop_map(|(start, steps)| FaultySequence { start, steps })
}

/// Generates faults. Those for which an adapter waits as long as it can are rare, because they take
/// time.
fn fault() -> impl Strategy<Value = NetworkFault> {
    prop_oneof![
        1 => Just(NetworkFault::RequestLost),
        4 => Just(NetworkFault::RequestLostAndCut),
        1 => Just(NetworkFault::AnswerLost),
        6 => Just(NetworkFault::AnswerLostAndCut),
        4 => Just(NetworkFault::CutAfterAnswer),
        1 => Just(NetworkFault::Delayed),
        1 => Just(NetworkFault::DelayedForLong),
        3 => Just(NetworkFault::Reset),
        1 => Just(NetworkFault::Refused),
    ]
}

/// Returns a sequence in which two users wait, and the call that admits one of them gets no answer.
#[cfg(test)]
pub(crate) fn an_admission_without_an_answer() -> FaultySequence {
    let join = |user| Step::Join { user, shows: None };
    let look_up = |user| Step::LookUp(Shown { user, age: 0 });
    FaultySequence {
        start: Rules::by_capacity(PolicyState::Paused, 3),
        steps: vec![
            (join(0), None),
            (join(1), None),
            (Step::Change(Rules::by_capacity(PolicyState::Open, 3)), None),
            (Step::Admit { limit: 1 }, Some(NetworkFault::AnswerLost)),
            (look_up(0), None),
            (look_up(1), None),
        ],
    }
}
