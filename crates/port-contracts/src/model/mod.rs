//! The reference model: the promises of a queue, written a second time as a program.
//!
//! The model is deliberately simple: lists, linear scans, no clock and no shortcuts. It uses the
//! domain's types but none of its rules. Windows, deadlines and states are computed here again from
//! the text of the promises, so that an error in the domain is not repeated here. Every call has
//! the instant at which it is made.
//!
//! The model decides the cases that the texts leave open:
//!
//! - All spans are half-open: a place is gone, a window over, a recovery done *at* its end.
//! - The deadlines of waiting and of unclaimed places follow from the policy in force now. A
//!   claimed place keeps the deadline that it got.
//! - Only an attempt to admit evaluates a window, and so starts or restarts it: a join that finds
//!   no waiting user, or an admission tick that finds one, in the state *open*.
//! - A heartbeat counts from the instant at which it was given, also if the clock has stepped back
//!   since. So does a tick.
//! - Arrivals seen are those that the store gave out or that re-entered.
//! - Recovery and the time for re-entry end at instants that are set when the store is seeded.
//! - The order of two users from different generations with the same arrival is left open.
//! - Removing an expired head is a piece of a tick's work. Random sequences do not insist on that,
//!   nor on when a store removes expired places.
//! - A user who leaves with a ticket that could have re-entered does not count as departed, because
//!   they were never in this store's line.

mod compare;
mod control;
mod line;
mod losses;
mod network_faults;
mod queue;
mod run;
mod run_calls;
mod run_line;
mod run_queue;
mod steps;
mod ticks;
mod users;
mod window;

use frontrow_domain::model::ConcertId;

pub use network_faults::queue_model_with_faults;
#[cfg(test)]
pub(crate) use network_faults::{
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
    /// Returns the queue of a concert, if the store was given it.
    pub(crate) fn queue(&mut self, concert: ConcertId) -> Option<&mut ModelQueue> {
        self.queues
            .iter_mut()
            .find(|queue| queue.concert == concert)
    }

    /// Loses all data.
    pub(crate) fn lose(&mut self) {
        self.queues.clear();
    }
}
