//! What a user has in a queue.

use std::time::Duration;

use jiff::Timestamp;

use super::{QueueView, Ticket};

/// A user's place, as it stood at the instant that the answer is stamped with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What its token says: its arrival, and the generation of the store that answered.
    pub ticket: Ticket,
    /// Where it is.
    pub standing: Standing,
    /// What the queue is like.
    pub queue: QueueView,
}

/// Where a place is: in the line, or past it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In the line.
    Waiting {
        /// From 1, the head of the line.
        position: u64,
        /// How many wait behind it.
        behind: u64,
        /// How many had been admitted from the line until then: see [`Line::admitted`](super::Line).
        admitted: u64,
    },
    /// Past the line.
    Active {
        /// When it was admitted.
        admitted_at: Timestamp,
        /// When it ends, if nothing extends it.
        until: Timestamp,
        /// False until it is first used on a protected route.
        claimed: bool,
    },
}

/// What a protected route wants of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatePurpose {
    /// To look at performances and seats.
    Browse,
    /// To hold seats for so long: the place is extended first.
    Hold {
        /// How long seats are held.
        hold_for: Duration,
    },
    /// To pay.
    Pay,
}
