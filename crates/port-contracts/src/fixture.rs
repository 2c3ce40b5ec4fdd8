//! What an adapter's tests give to the contracts.

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

    /// The ports, as one instance of the service uses them. Each call may be given to another task.
    fn ports(&self) -> Self::Ports;

    /// Moves the store's clock by so much, forwards or backwards. Real time goes on meanwhile.
    async fn shift_time(&mut self, by: SignedDuration);

    /// Makes the store lose everything that it was told, as when it is replaced by an empty one. Its
    /// clock stays shifted as it was.
    async fn lose_data(&mut self);

    /// Closes the store in good order and opens it again, as at a restart of the service. Ports given
    /// out before are of no use afterwards. A store that does not outlive its process loses its data
    /// here.
    async fn reopen(&mut self);

    /// Copies the queue of a concert, as a replica or a backup has it. Returns false where the
    /// store cannot lose its last writes alone.
    async fn copy_queue(&mut self, concert: ConcertId) -> bool {
        let _ = concert;
        false
    }

    /// Replaces the queue by its last copy, which another server has.
    async fn fail_over(&mut self, concert: ConcertId) {
        let _ = concert;
    }
}

/// The ports of a queue, all on one store.
#[derive(Clone)]
pub struct QueuePorts {
    /// As the people in it use it.
    pub queue: Arc<dyn Queue>,
    /// As the jobs move it on.
    pub ticks: Arc<dyn QueueTicks>,
    /// As its operators see it.
    pub control: Arc<dyn QueueControl>,
    /// As who answers many at once sees it.
    pub line: Arc<dyn QueueSnapshots>,
}

/// The ports of a database, all on one store.
#[derive(Clone)]
pub struct DatabasePorts {
    /// The catalogue, read.
    pub concerts: Arc<dyn Concerts>,
    /// The catalogue, written.
    pub editor: Arc<dyn ConcertEditor>,
    /// The master copies of the queues' policies.
    pub policies: Arc<dyn QueuePolicies>,
    /// Which users the queues have served.
    pub served: Arc<dyn ServedArrivals>,
    /// Holds and payments.
    pub reservations: Arc<dyn Reservations>,
    /// Balances.
    pub points: Arc<dyn Points>,
    /// The effects that keys stand for.
    pub idempotency: Arc<dyn Idempotency>,
    /// The numbers behind the rankings.
    pub ranking_source: Arc<dyn RankingSource>,
    /// What they are made of.
    pub ranking_counters: Arc<dyn RankingCounters>,
    /// The rows about money and seats.
    pub books: Arc<dyn Books>,
    /// The currency of the amounts.
    pub currency: Arc<dyn StoredCurrency>,
    /// The record of clean stops.
    pub stops: Arc<dyn CleanStops>,
}

/// What happens to a call on its way to the store and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFault {
    /// It does not arrive, and the adapter is left waiting.
    RequestLost,
    /// It does not arrive, and then the connections are reset.
    RequestLostAndCut,
    /// It is done, and the adapter is left waiting.
    AnswerLost,
    /// It is done, and then the connections are reset before the answer arrives.
    AnswerLostAndCut,
    /// It is answered, and then the connections are reset and there are no new ones: what an adapter does
    /// in two steps stops between them.
    CutAfterAnswer,
    /// It is late, and arrives.
    Delayed,
    /// It is later than the adapter waits.
    DelayedForLong,
    /// The connection is reset when it is sent.
    Reset,
    /// The connections were reset before, and there are no new ones.
    Refused,
}

/// A fixture whose way to the store can be broken.
#[async_trait]
pub trait FaultyFixture: Fixture {
    /// From now on this happens to all that is on its way.
    async fn inject(&self, fault: NetworkFault);

    /// Waits until something was lost, and resets all connections. Asked for after faults that say so, and
    /// dropped where the call ends before.
    async fn cut(&self);

    /// Resets all connections, and breaks nothing more: whatever was on its way is done by then or never
    /// will be.
    async fn heal(&self);
}

/// A count of what is left to buy that is newer than every one before it.
pub(crate) fn counted(sale: SaleState) -> SaleCount {
    static COUNTS: AtomicI64 = AtomicI64::new(1);
    let count = COUNTS.fetch_add(1, Ordering::Relaxed);
    SaleCount {
        sale,
        counted_at: Timestamp::from_microsecond(count).expect("an instant in 1970"),
    }
}
