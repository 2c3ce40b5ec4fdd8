use async_trait::async_trait;

use super::{LookUpOutcome, Stamped, StoreResult};
use crate::model::{
    ConcertId,
    queue::{DepartureCursor, Heartbeat, LineSnapshot, Place, Ticket},
};

/// The line of a queue as a whole: a snapshot answers many waiting users, whose heartbeats are
/// recorded later in batches.
///
/// - Called by: [`SnapshotQueue`](crate::decorators::SnapshotQueue),
///   [`FollowPlaces`](crate::use_cases::FollowPlaces).
/// - Implemented by: `RedisStore`, `MySqlQueue`, `MemoryQueue`.
///
/// # Contract
/// A [`LineSnapshot`](crate::model::queue::LineSnapshot) is one consistent view, as of the instant
/// that it is stamped with. Taking it changes nothing and does not count as service.
///
/// Two consecutive snapshots of one caller together have every departure between them. A store that
/// no longer knows all of them answers
/// [`Departures::Unknown`](crate::model::queue::Departures::Unknown), never too few. It remembers
/// at least the last
/// [`Departures::REMEMBERED_MIN`](crate::model::queue::Departures::REMEMBERED_MIN), and
/// [`Departures::REMEMBERED`](crate::model::queue::Departures::REMEMBERED) if it can, until a tick
/// finds a queue in which no user has a place.
///
/// Admitted users, and users whose waiting place expired, are not departures.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait QueueSnapshots: Send + Sync {
    /// Takes a snapshot of the line, with the departures since the snapshot that returned `since`.
    async fn snapshot(
        &self,
        concert: ConcertId,
        since: Option<DepartureCursor>,
    ) -> StoreResult<Stamped<SnapshotOutcome>>;

    /// Records heartbeats of waiting users: the deadline of each place counts from the instant of
    /// its heartbeat. Returns for each heartbeat, in their order, what
    /// [`Queue::look_up`](super::Queue::look_up) would then answer to its user, except that no user
    /// re-enters. So the caller need not look its users up again.
    ///
    /// A heartbeat in the store's future counts as of now. A heartbeat changes nothing if the store
    /// has a later one of the same place, if the user has no waiting place with that arrival, or if
    /// that place has expired, removed or not. The order of the heartbeats does not matter to what
    /// is recorded. The caller passes at most [`Heartbeat::BATCH_MAX`]. The call is idempotent.
    async fn record_heartbeats(
        &self,
        concert: ConcertId,
        heartbeats: &[Heartbeat],
    ) -> StoreResult<Vec<Stamped<LookUpOutcome>>>;

    /// Returns the places of these tickets, in their order: what
    /// [`Queue::look_up`](super::Queue::look_up) would answer, but nothing changes. A peek is no
    /// heartbeat, so a user who stands aside goes on to do so. A ticket that would re-enter has no
    /// place.
    ///
    /// The caller passes from 1 to [`Ticket::PEEKS_MAX`] tickets.
    async fn peek(
        &self,
        concert: ConcertId,
        tickets: &[Ticket],
    ) -> StoreResult<Stamped<PeekOutcome>>;
}

/// The outcome of a peek.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeekOutcome {
    /// The place of each ticket. None if it is gone.
    Seen(Vec<Option<Place>>),
    /// The store has no such queue.
    NotSeeded,
}

/// The outcome of taking a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotOutcome {
    /// The snapshot.
    Seen(LineSnapshot),
    /// The store has no such queue.
    NotSeeded,
}
