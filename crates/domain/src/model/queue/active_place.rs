//! The proof that a request passed the gate.

use std::time::Duration;

use super::{Deadlines, Ticket};
use crate::model::{ConcertId, UserId};

/// A place that the gate has verified in this very request: its user's identity, the signature of
/// its token, and that it is active in the queue's store.
///
/// [`PassGate`](crate::use_cases::PassGate) alone makes one, and what must not happen outside the
/// gate takes one as an argument: it cannot be called otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivePlace {
    ticket: Ticket,
    ends_in: Duration,
}

impl ActivePlace {
    /// The place of `ticket`, which ends so long after the gate looked.
    pub(crate) fn verified(ticket: Ticket, ends_in: Duration) -> Self {
        Self { ticket, ends_in }
    }

    /// The concert whose seats it opens.
    #[must_use]
    pub fn concert(&self) -> ConcertId {
        self.ticket.concert
    }

    /// Whose it is.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.ticket.user
    }

    /// What its token says.
    #[must_use]
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// For how long it can still hold seats and pay for them; none when its end is too near.
    #[must_use]
    pub fn time_to_hold(&self) -> Option<Duration> {
        self.ends_in
            .checked_sub(Deadlines::PAYMENT_MARGIN)
            .filter(|left| !left.is_zero())
    }
}
