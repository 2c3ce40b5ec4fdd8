//! The jobs of a queue: admission and expiry, each under the lock of the queue's row.

mod admit;
mod begin;
mod expire;
pub(super) mod expired;

use frontrow_domain::model::ConcertId;

pub(super) use self::{admit::admit, expire::expire};

/// The arguments of a tick.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) concert: ConcertId,
    /// Maximum number of pieces of work.
    pub(super) limit: u32,
}
