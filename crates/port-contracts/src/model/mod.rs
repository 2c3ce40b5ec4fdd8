//! The promises of a queue, written down a second time as a program.
//!
//! The model is as naive as can be: lists, linear scans, no clock and no shortcuts. It uses the
//! domain's words but none of its rules: windows, ends and states are computed here from the text of
//! the promises again, so that a slip in the domain does not hide itself. Every question comes with
//! the instant at which it is asked.
//!
//! What the texts leave open, the model decides:
//!
//! - All spans are half-open: a place is gone, a window over, a recovery done *at* its end.
//! - The deadlines of waiting and of unclaimed places are reckoned with the policy in force now; a
//!   claimed place keeps the end that it was given.
//! - A window is looked at, and so started or restarted, by an attempt to admit: a join that finds
//!   nobody waiting, or an admission tick that finds somebody, in the state *open*.
//! - A heartbeat counts from the instant at which it was given, also where the clock has stepped
//!   back; so does a tick.
//! - Arrivals seen are those that the store gave out or took back.
//! - Recovery and the time for coming back end at instants that are set when the store is seeded.
//! - Who goes first of two people from different generations with the same arrival is left open.
//! - Removing a head that is past its end is a piece of a tick's work. Random sequences do not insist
//!   on that, nor on when a store removes what is past its end.
//! - Who leaves with a ticket that could have re-entered was never in this store's line, and so does
//!   not count as departed.

mod compare;
mod control;
mod faults;
mod line;
mod losses;
mod people;
mod queue;
mod run;
mod run_calls;
mod run_line;
mod run_queue;
mod steps;
mod ticks;
mod window;

use frontrow_domain::model::ConcertId;

pub use faults::queue_model_with_faults;
#[cfg(test)]
pub(crate) use faults::{
    an_admission_without_an_answer, follow_with_faults, try_queue_model_with_faults,
};
pub(crate) use queue::ModelQueue;
#[cfg(test)]
pub(crate) use queue::{Claim, Waiting};
pub use run::queue_model;
pub(crate) use run::runner;
#[cfg(test)]
pub(crate) use run::try_queue_model;
pub use steps::Positions;
pub(crate) use steps::sale;

/// A store of queues, as the promises describe it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    queues: Vec<ModelQueue>,
}

impl Model {
    /// The queue of a concert, where the store was given it.
    pub(crate) fn queue(&mut self, concert: ConcertId) -> Option<&mut ModelQueue> {
        self.queues
            .iter_mut()
            .find(|queue| queue.concert == concert)
    }

    /// Loses everything.
    pub(crate) fn lose(&mut self) {
        self.queues.clear();
    }
}
