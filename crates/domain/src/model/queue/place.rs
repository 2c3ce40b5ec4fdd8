//! A user's place in a queue, and its standing: waiting or active.

use std::time::Duration;

use jiff::Timestamp;

use super::{QueueView, Ticket};

/// A user's place, as of the instant that the answer is stamped with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The contents of its token: its arrival, and the generation of the queue that answered.
    pub ticket: Ticket,
    /// Whether the place is waiting or active.
    pub standing: Standing,
    /// The public state of the queue.
    pub queue: QueueView,
}

/// Whether a place is in the line, or admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In the line.
    Waiting {
        /// The position, from 1, the head of the line.
        position: u64,
        /// Number of users who wait behind it.
        behind: u64,
        /// Number of users admitted from the line until then: see
        /// [`LineSnapshot::admitted`](super::LineSnapshot::admitted).
        admitted: u64,
    },
    /// Admitted.
    Active {
        /// When it was admitted.
        admitted_at: Timestamp,
        /// The deadline, if nothing extends it.
        until: Timestamp,
        /// True once the place was used on a protected route.
        claimed: bool,
    },
}

/// The purpose of a request at the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatePurpose {
    /// Shows performances and seats.
    Browse,
    /// Holds seats. The place is extended first, so that the hold can be paid.
    Hold {
        /// How long the seats are held.
        hold_for: Duration,
    },
    /// Pays for a hold.
    Pay,
}
