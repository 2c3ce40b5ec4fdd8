//! Random sequences on a faulty network to the store.
//!
//! The answers of all operations must be consistent. An answer is the model's answer. A failure
//! that says *not applied* has left the model as it was. After one that says *outcome unknown*
//! there are two models, one that has applied the call and one that has not. They are
//! [`Candidate`](candidate::Candidate)s. Each later answer keeps only those that would have given
//! it. If none is left, no model explains the answers of the store: the store reported a call
//! falsely.
//!
//! The instant at which a call without an answer was applied is unknown. Later answers about places
//! reveal it, to the microsecond, and then it is corrected. Nothing else may depend on it: all
//! spans are whole seconds, time passes by whole seconds, and a sequence that takes about a second
//! by itself is not followed further. So the exact instant of such a call decides no other answer.
//!
//! One step of the faultless sequences is missing here: a store that loses its data, after which
//! users may re-enter at arrivals that cannot be checked.

mod call;
mod candidate;
mod consequences;
mod faulty_run;
mod instants;
mod run;
mod sequence;
mod tickets;

pub use run::queue_model_with_faults;
#[cfg(test)]
pub(crate) use run::{follow_with_faults, try_queue_model_with_faults};
#[cfg(test)]
pub(crate) use sequence::an_admission_without_an_answer;
