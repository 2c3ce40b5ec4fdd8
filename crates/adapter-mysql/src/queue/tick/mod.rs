//! What the jobs do with a queue: admission and expiry, each under the lock of the queue's row.

mod admit;
mod begin;
mod expire;
pub(super) mod expired;

use frontrow_domain::model::ConcertId;

pub(super) use self::{admit::admit, expire::expire};

/// What a tick is asked to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) concert: ConcertId,
    /// How many pieces of work it does at most.
    pub(super) limit: u32,
}
