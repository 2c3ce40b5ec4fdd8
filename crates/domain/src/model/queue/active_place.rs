//! The proof that a request passed the gate.

use std::time::Duration;

use super::{Deadlines, Ticket};
use crate::model::{ConcertId, UserId};

/// A place that the gate has verified in this very request: its user's identity, the signature of
/// its token, and that it is active in the queue's store.
///
/// Only [`PassGate`](crate::use_cases::PassGate) makes one. A function that requires the gate takes
/// one as an argument, so that it cannot be called without the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivePlace {
    ticket: Ticket,
    ends_in: Duration,
}

impl ActivePlace {
    /// The place of `ticket`, whose deadline is `ends_in` after the check of the gate.
    pub(crate) fn verified(ticket: Ticket, ends_in: Duration) -> Self {
        Self { ticket, ends_in }
    }

    /// The concert whose seats it opens.
    #[must_use]
    pub fn concert(&self) -> ConcertId {
        self.ticket.concert
    }

    /// The user who has the place.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.ticket.user
    }

    /// The contents of its token.
    #[must_use]
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Returns how long seats may be held, counted from the check of the gate: up to the deadline
    /// of the place, less [`Deadlines::PAYMENT_MARGIN`](super::Deadlines::PAYMENT_MARGIN). None if
    /// no time is left.
    #[must_use]
    pub fn time_to_hold(&self) -> Option<Duration> {
        self.ends_in
            .checked_sub(Deadlines::PAYMENT_MARGIN)
            .filter(|left| !left.is_zero())
    }
}
