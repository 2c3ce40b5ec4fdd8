//! The fixtures that an adapter's tests supply to the contracts.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{SaleCount, SaleState},
    },
    ports::{
        Books, CleanStops, ConcertEditor, Concerts, Idempotency, Points, Queue, QueueControl,
        QueuePolicies, QueueSnapshots, QueueTicks, RankingCounters, RankingSource, Reservations,
        ServedArrivals, StoredCurrency,
    },
};
use jiff::{SignedDuration, Timestamp};

/// A fresh, empty store for one test, and the ports on it.
///
/// Dropping it drops the store.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The ports under test, such as [`QueuePorts`].
    type Ports: Clone + Send + Sync;

    /// Returns the ports, as one instance of the service uses them. The result of each call may be
    /// given to another task.
    fn ports(&self) -> Self::Ports;

    /// Moves the store's clock by this span, forwards or backwards. Real time goes on.
    async fn shift_time(&mut self, by: SignedDuration);

    /// Makes the store lose all its data, as when it is replaced by an empty one. Its clock stays
    /// shifted as it was.
    async fn lose_data(&mut self);

    /// Closes the store cleanly and opens it again, as at a restart of the service. Ports returned
    /// before are useless afterwards. A store whose data ends with its process loses its data here.
    async fn reopen(&mut self);

    /// Copies the queue of a concert, as a replica or a backup has it. Returns false where the
    /// store cannot lose its last writes alone.
    async fn copy_queue(&mut self, concert: ConcertId) -> bool {
        let _ = concert;
        false
    }

    /// Replaces the queue by its last copy, which is on another server.
    async fn fail_over(&mut self, concert: ConcertId) {
        let _ = concert;
    }
}

/// The ports of a queue, all on one store.
#[derive(Clone)]
pub struct QueuePorts {
    /// Used by the requests of users.
    pub queue: Arc<dyn Queue>,
    /// Used by the jobs that tick the queue.
    pub ticks: Arc<dyn QueueTicks>,
    /// Used by operators and provisioning.
    pub control: Arc<dyn QueueControl>,
    /// Used to answer many requests from one snapshot.
    pub line: Arc<dyn QueueSnapshots>,
}

/// The ports of a database, all on one store.
#[derive(Clone)]
pub struct DatabasePorts {
    /// Reads of the catalogue.
    pub concerts: Arc<dyn Concerts>,
    /// Edits of the catalogue.
    pub editor: Arc<dyn ConcertEditor>,
    /// The master copies of the queues' policies.
    pub policies: Arc<dyn QueuePolicies>,
    /// Which users the queues have served.
    pub served: Arc<dyn ServedArrivals>,
    /// Holds and payments.
    pub reservations: Arc<dyn Reservations>,
    /// Balances.
    pub points: Arc<dyn Points>,
    /// The effects that idempotency keys stand for.
    pub idempotency: Arc<dyn Idempotency>,
    /// The numbers behind the rankings.
    pub ranking_source: Arc<dyn RankingSource>,
    /// The counters behind these numbers.
    pub ranking_counters: Arc<dyn RankingCounters>,
    /// The rows about money and seats.
    pub books: Arc<dyn Books>,
    /// The currency of the amounts.
    pub currency: Arc<dyn StoredCurrency>,
    /// The record of clean stops.
    pub stops: Arc<dyn CleanStops>,
}

/// A network fault that affects a call on its way to the store and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFault {
    /// The request does not arrive, and the adapter keeps waiting.
    RequestLost,
    /// The request does not arrive, and then the connections are reset.
    RequestLostAndCut,
    /// The call is applied, and the adapter keeps waiting for the answer.
    AnswerLost,
    /// The call is applied, and then the connections are reset before the answer arrives.
    AnswerLostAndCut,
    /// The call is answered, and then the connections are reset and new ones are refused. An
    /// adapter that works in two steps is interrupted between them.
    CutAfterAnswer,
    /// The request arrives late.
    Delayed,
    /// The request arrives after the adapter has stopped waiting.
    DelayedForLong,
    /// The connection is reset when the request is sent.
    Reset,
    /// The connections were reset before the call, and new ones are refused.
    Refused,
}

/// A fixture whose network to the store can be broken.
#[async_trait]
pub trait FaultyFixture: Fixture {
    /// Injects this fault into all traffic from now on.
    async fn inject(&self, fault: NetworkFault);

    /// Waits until a message was lost, and resets all connections. It is called for the faults that
    /// cut after a loss, and the future is dropped if the call ends first.
    async fn cut(&self);

    /// Resets all connections and removes the fault. A request that was on its way has been applied
    /// by the time this returns, or never will be.
    async fn heal(&self);
}

/// Returns a count of what is left to buy that is newer than every count before it.
pub(crate) fn counted(sale: SaleState) -> SaleCount {
    static COUNTS: AtomicI64 = AtomicI64::new(1);
    let count = COUNTS.fetch_add(1, Ordering::Relaxed);
    SaleCount {
        sale,
        counted_at: Timestamp::from_microsecond(count).expect("an instant in 1970"),
    }
}
