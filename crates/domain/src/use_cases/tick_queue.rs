//! Moving one queue on.

mod turn;

use std::{sync::Arc, time::Duration};

use self::turn::{Chunk, Turn};
use super::{QueueMissing, QueueStatuses};
use crate::{
    model::ConcertId,
    ports::{Clock, QueueTicks, StoreResult},
};

/// Moves a queue on: admits the users whose turn it is, then removes expired places. Every instance
/// does this for every queue; how many users are admitted is decided in the store.
pub struct TickQueue {
    /// The queues.
    pub ticks: Arc<dyn QueueTicks>,
    /// Keeps what the queues are like, and which of them the store lacks.
    pub statuses: Arc<QueueStatuses>,
    /// Measures how long a tick takes.
    pub clock: Arc<dyn Clock>,
}

/// What a tick of a queue did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueTick {
    /// How many users it admitted.
    pub admitted: u64,
    /// How many expired places it removed.
    pub expired: u64,
    /// True where expired places may be left, so that the next tick should remove some.
    pub expiry_left: bool,
    /// When the queue is due next.
    pub next: NextTick,
}

/// When a queue is due next, counted from the end of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextTick {
    /// After this time: a user has a place, or the queue recovers.
    After(Duration),
    /// Nobody has a place: after [`Pace::RESTING`](crate::model::queue::Pace::RESTING), or once the store lists the queue as busy.
    Resting,
    /// The store lacks the queue, and provisioning is about to give it: after the longest pace.
    Wanted,
    /// The store lacks the queue, and the database has no such concert: after [`Pace::RESTING`](crate::model::queue::Pace::RESTING), also
    /// where the store lists the queue as busy.
    NoSuchConcert,
}

impl TickQueue {
    /// How many users one call of the store admits at most, and how many places it removes at most, so
    /// that it holds up nobody for long.
    pub const CHUNK: u32 = 500;
    /// How long a tick goes on calling the store. What is left then is the next tick's, so that other
    /// queues have their turn.
    pub const BUDGET: Duration = Duration::from_millis(200);

    /// Ticks the queue of `concert`: admits until nobody may be admitted now or the budget is used,
    /// and then, where `expire` is true, removes expired places until none is left, the budget is used
    /// or the next admission is due. At least one call of the store removes places, so that no stream
    /// of admissions keeps them forever.
    ///
    /// A queue that the store lacks is handed to provisioning.
    ///
    /// # Errors
    /// When the queues' store fails.
    pub async fn run(&self, concert: ConcertId, expire: bool) -> StoreResult<QueueTick> {
        let mut turn = Turn::begin(self, concert);
        let mut admission = turn.admit().await?;
        while admission == Chunk::More && turn.has_time() {
            admission = turn.admit().await?;
        }
        let mut expiry = Chunk::More;
        if expire && matches!(admission, Chunk::More | Chunk::Done) {
            expiry = turn.expire().await?;
            while expiry == Chunk::More && turn.has_time() && !turn.is_due_again() {
                expiry = turn.expire().await?;
            }
        }
        let next = match (admission, expiry) {
            (Chunk::NotSeeded, _) | (_, Chunk::NotSeeded) => self.missing(concert),
            (Chunk::More, _) => NextTick::After(Duration::ZERO),
            (_, Chunk::More) if expire => NextTick::After(Duration::ZERO),
            _ => turn.next(),
        };
        Ok(turn.report(expiry != Chunk::Done, next))
    }

    fn missing(&self, concert: ConcertId) -> NextTick {
        match self.statuses.missing_for_token(concert) {
            QueueMissing::NoSuchConcert => NextTick::NoSuchConcert,
            QueueMissing::NotReady => NextTick::Wanted,
        }
    }
}

#[cfg(test)]
mod tests;
