//! Users' requests that change a queue, and the answers to them.

use frontrow_domain::{
    model::{
        UserId,
        queue::{Heartbeat, JoinRefusal, Place, QueueView, Ticket},
    },
    ports::LookUpOutcome,
};

/// A user's request.
#[derive(Debug, Clone)]
pub(in crate::queue) enum Request {
    /// A new place, or the one that the user has. The ticket came with the request.
    Join(UserId, Option<Ticket>),
    /// A look-up of the place of a ticket, which re-enters if it was lost. Counts as a heartbeat.
    LookUp(Ticket),
    /// A request to end the place of a ticket.
    Leave(Ticket),
    /// A heartbeat that an instance has collected.
    Heartbeat(Heartbeat),
}

impl Request {
    /// The user whose place it is about.
    pub(in crate::queue) fn user(&self) -> &UserId {
        match self {
            Self::Join(user, _) => user,
            Self::LookUp(ticket) | Self::Leave(ticket) => &ticket.user,
            Self::Heartbeat(heartbeat) => &heartbeat.user,
        }
    }
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub(in crate::queue) enum Answer {
    /// A new place.
    Joined(Place),
    /// The place that the user has.
    Held(Place),
    /// The queue takes no new user now.
    Refused(JoinRefusal, QueueView),
    /// The place has ended by this request.
    Left,
    /// The place had ended before.
    Gone,
    /// The store does not have the queue.
    NotSeeded,
}

impl Answer {
    /// Returns the outcome of a look-up or a heartbeat.
    pub(in crate::queue) fn into_look_up(self) -> LookUpOutcome {
        match self {
            Self::Held(place) | Self::Joined(place) => LookUpOutcome::Found(place),
            Self::NotSeeded => LookUpOutcome::NotSeeded,
            Self::Gone | Self::Left | Self::Refused(..) => LookUpOutcome::Gone,
        }
    }
}
