//! One tick of one queue: admits users, then removes expired places.

mod running_tick;

use std::{sync::Arc, time::Duration};

use self::running_tick::{Chunk, RunningTick};
use crate::read_models::{QueueMissing, QueueStatuses};
use crate::{
    model::ConcertId,
    ports::{Clock, QueueTicks, StoreResult},
};

/// Ticks a queue: admits the users whose turn it is, then removes expired places. Every instance
/// ticks every queue. The store decides how many users are admitted.
pub struct TickQueue {
    /// The queues.
    pub ticks: Arc<dyn QueueTicks>,
    /// Keeps the last known status of each queue, and which queues the store lacks.
    pub statuses: Arc<QueueStatuses>,
    /// Measures how long a tick takes.
    pub clock: Arc<dyn Clock>,
}

/// The result of a tick of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueTick {
    /// The number of users that it admitted.
    pub admitted: u64,
    /// The number of expired places that it removed.
    pub expired: u64,
    /// True if expired places may be left, so that the next tick should remove some.
    pub expiry_left: bool,
    /// When the queue is due next.
    pub next: NextTick,
}

/// When a queue is due next, counted from the end of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextTick {
    /// After this time: the queue has a place, or it recovers.
    After(Duration),
    /// The queue has no place: after [`Pace::RESTING`](crate::model::queue::Pace::RESTING), or once
    /// the store lists the queue as busy.
    Resting,
    /// The store lacks the queue, and provisioning is about to give it one: after the longest pace.
    Wanted,
    /// The store lacks the queue, and the database has no such concert: after
    /// [`Pace::RESTING`](crate::model::queue::Pace::RESTING), even if the store lists the queue as
    /// busy.
    NoSuchConcert,
}

impl TickQueue {
    /// The maximum number of users that one store call admits, and of places that one call removes,
    /// so that it does not delay other requests for long.
    pub const CHUNK: u32 = 500;
    /// How long a tick goes on calling the store. The rest is left to the next tick, so that other
    /// queues get their turn.
    pub const BUDGET: Duration = Duration::from_millis(200);

    /// Ticks the queue of `concert`. Admits until no user may be admitted now or the budget is
    /// used. Then, if `expire` is true, removes expired places until none is left, the budget is
    /// used or the next admission is due. At least one call of the store removes places, so that a
    /// steady stream of admissions does not keep them forever.
    ///
    /// A queue that the store lacks is handed to provisioning.
    ///
    /// # Errors
    /// When the queues' store fails.
    pub async fn run(&self, concert: ConcertId, expire: bool) -> StoreResult<QueueTick> {
        let mut running_tick = RunningTick::begin(self, concert);
        let mut admission = running_tick.admit().await?;
        while admission == Chunk::More && running_tick.has_time() {
            admission = running_tick.admit().await?;
        }
        let mut expiry = Chunk::More;
        if expire && matches!(admission, Chunk::More | Chunk::Done) {
            expiry = running_tick.expire().await?;
            while expiry == Chunk::More && running_tick.has_time() && !running_tick.is_due_again() {
                expiry = running_tick.expire().await?;
            }
        }
        let next = match (admission, expiry) {
            (Chunk::NotSeeded, _) | (_, Chunk::NotSeeded) => self.missing(concert),
            (Chunk::More, _) => NextTick::After(Duration::ZERO),
            (_, Chunk::More) if expire => NextTick::After(Duration::ZERO),
            _ => running_tick.next(),
        };
        Ok(running_tick.report(expiry != Chunk::Done, next))
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
