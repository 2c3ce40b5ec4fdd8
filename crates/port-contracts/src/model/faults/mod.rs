//! Random sequences on a broken way to the store.
//!
//! What an operation answers must be consistent. An answer is the model's answer. A failure that was *not
//! applied* has left the model as it was. Of one whose *outcome is unknown* there are two models from then
//! on, one that has done it and one that has not: [`Candidate`](candidate::Candidate)s, of which each later
//! answer leaves those that would have answered so. When none is left, no model explains what the store
//! said, and it was not honest.
//!
//! When a call without an answer was done, nobody can say; places tell it later, to the microsecond, and
//! then it is set right. Whatever else depends on it is kept from doing so: all spans are whole seconds,
//! time passes by whole seconds, and a sequence that takes a second by itself is not followed further. Then
//! who comes later is later by whole seconds or more, whenever it was.
//!
//! What the faultless sequences have and these have not: a store that loses its data, whose people may
//! bring back arrivals that nobody can check.

mod call;
mod candidate;
mod consequences;
mod faulty_run;
mod people;
mod run;
mod sequence;
mod told;

pub use run::queue_model_with_faults;
#[cfg(test)]
pub(crate) use run::{follow_with_faults, try_queue_model_with_faults};
#[cfg(test)]
pub(crate) use sequence::an_admission_without_an_answer;
