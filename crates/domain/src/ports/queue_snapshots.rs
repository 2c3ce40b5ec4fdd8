use async_trait::async_trait;

use super::{LookUpOutcome, Stamped, StoreResult};
use crate::model::{
    ConcertId,
    queue::{DepartureCursor, Heartbeat, LineSnapshot, Place, Ticket},
};

/// The line of a queue as a whole, for whoever answers many who wait from one look at it, and tells
/// its store later that they were heard of.
///
/// # Contract
/// A look is one consistent view, at the instant that it is stamped with, of what
/// [`LineSnapshot`](crate::model::queue::LineSnapshot) says; it changes nothing and is no sign of service. Two looks
/// of one caller, one after the other, miss nobody who left between them: a store that no longer
/// knows them all says [`Departures::Unknown`](crate::model::queue::Departures::Unknown), never too few. It
/// remembers the last [`Departures::REMEMBERED_MIN`](crate::model::queue::Departures::REMEMBERED_MIN) at least,
/// and [`Departures::REMEMBERED`](crate::model::queue::Departures::REMEMBERED) where it can, until a tick finds a
/// queue in which nobody has a place.
///
/// Those whom admission moved on, and those whose waiting place ended because nobody heard of them,
/// have not left in this sense.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait QueueSnapshots: Send + Sync {
    /// How the line stands, and who has left it since the look that gave `since`.
    async fn snapshot(
        &self,
        concert: ConcertId,
        since: Option<DepartureCursor>,
    ) -> StoreResult<Stamped<SnapshotOutcome>>;

    /// Records heartbeats of users who wait: each place lives on from the instant of its heartbeat.
    /// Returns for each, in their order, where its place is afterwards: what
    /// [`Queue::look_up`](super::Queue::look_up) would answer to its user, but nobody re-enters. So
    /// the caller need not look its users up again.
    ///
    /// A heartbeat from the store's future counts from now. One that is older than the last that the
    /// store has of the same place changes nothing; nor does one of a user who has no waiting place
    /// with that arrival, or whose place is past its end, removed or not. Their order does not matter
    /// to what is recorded. The caller gives [`Heartbeat::BATCH_MAX`] at most; making a call again does
    /// no harm.
    async fn record_heartbeats(
        &self,
        concert: ConcertId,
        heartbeats: &[Heartbeat],
    ) -> StoreResult<Vec<Stamped<LookUpOutcome>>>;

    /// Where the places of these tickets are, in their order: what
    /// [`Queue::look_up`](super::Queue::look_up) would answer, but nothing changes. It is no
    /// heartbeat, so a user who stands aside goes on to do so. A ticket that would re-enter has no
    /// place.
    ///
    /// The caller gives from one to [`Ticket::PEEKS_MAX`] tickets.
    async fn peek(
        &self,
        concert: ConcertId,
        tickets: &[Ticket],
    ) -> StoreResult<Stamped<PeekOutcome>>;
}

/// What came of looking at places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeekOutcome {
    /// The place of each ticket. None where it is gone.
    Seen(Vec<Option<Place>>),
    /// The store has no such queue.
    NotSeeded,
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotOutcome {
    /// So it stands.
    Seen(LineSnapshot),
    /// The store has no such queue.
    NotSeeded,
}
