//! What users ask for that changes a queue, and what they are answered.

use frontrow_domain::{
    model::{
        UserId,
        queue::{Heartbeat, JoinRefusal, Place, QueueView, Ticket},
    },
    ports::LookUpOutcome,
};

/// What a user asks for.
#[derive(Debug, Clone)]
pub(in crate::queue) enum Request {
    /// A place, or the one that they have. The ticket came along.
    Join(UserId, Option<Ticket>),
    /// The place of a ticket, which re-enters where it was lost. A heartbeat.
    LookUp(Ticket),
    /// The end of the place of a ticket.
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

/// What a request comes to.
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
    /// What a look-up or a heartbeat comes to.
    pub(in crate::queue) fn into_look_up(self) -> LookUpOutcome {
        match self {
            Self::Held(place) | Self::Joined(place) => LookUpOutcome::Found(place),
            Self::NotSeeded => LookUpOutcome::NotSeeded,
            Self::Gone | Self::Left | Self::Refused(..) => LookUpOutcome::Gone,
        }
    }
}
