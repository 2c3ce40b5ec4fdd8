//! The fixture for the contracts: the queues of one process.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use frontrow_adapter_embedded::MemoryQueue;
use frontrow_domain::{
    model::{
        ConcertId, UserId, micros,
        queue::{
            DepartureCursor, GatePurpose, Heartbeat, PolicyVersion, QueueSeed, SaleCount, Served,
            Ticket,
        },
    },
    ports::{
        Clock, GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, PeekOutcome, Queue,
        QueueControl, QueueSnapshots, QueueTicks, RemoveOutcome, SeedOutcome, SnapshotOutcome,
        Stamped, StoreResult, TickOutcome,
    },
};
use frontrow_port_contracts::{Fixture, QueuePorts};
use jiff::{SignedDuration, Timestamp};

/// The system's clock, shifted by a duration.
#[derive(Default)]
struct ShiftedClock(RwLock<SignedDuration>);

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "the contracts need a clock that runs"
        )]
        let now = Timestamp::now();
        micros(now + *self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A new process without queues.
pub(crate) struct OneProcess {
    clock: Arc<ShiftedClock>,
    queues: Arc<Replaceable>,
}

impl OneProcess {
    /// Starts a process with the system's time.
    pub(crate) fn start() -> Self {
        let clock = Arc::new(ShiftedClock::default());
        let queues = Replaceable(RwLock::new(Arc::new(MemoryQueue::new(clock.clone()))));
        Self {
            clock,
            queues: Arc::new(queues),
        }
    }
}

#[async_trait]
impl Fixture for OneProcess {
    type Ports = QueuePorts;

    fn ports(&self) -> QueuePorts {
        QueuePorts {
            queue: self.queues.clone(),
            ticks: self.queues.clone(),
            control: self.queues.clone(),
            line: self.queues.clone(),
        }
    }

    async fn shift_time(&mut self, by: SignedDuration) {
        let mut shift = self.clock.0.write().unwrap_or_else(PoisonError::into_inner);
        *shift += by;
    }

    async fn lose_data(&mut self) {
        let mut queues = self
            .queues
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *queues = Arc::new(MemoryQueue::new(self.clock.clone()));
    }

    /// A new process has no queues.
    async fn reopen(&mut self) {
        self.lose_data().await;
    }
}

/// Ports that stay valid when the queues behind them are replaced.
struct Replaceable(RwLock<Arc<MemoryQueue>>);

impl Replaceable {
    fn now(&self) -> Arc<MemoryQueue> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Queue for Replaceable {
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        self.now().join(concert, user, shown).await
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        self.now().look_up(ticket).await
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        self.now().pass_gate(ticket, purpose).await
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        self.now().leave(ticket).await
    }
}

#[async_trait]
impl QueueTicks for Replaceable {
    async fn busy(&self) -> StoreResult<Vec<ConcertId>> {
        self.now().busy().await
    }

    async fn admit(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        self.now().admit(concert, limit).await
    }

    async fn expire(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        self.now().expire(concert, limit).await
    }

    async fn served(&self, concert: ConcertId) -> StoreResult<Stamped<Option<Served>>> {
        self.now().served(concert).await
    }
}

#[async_trait]
impl QueueControl for Replaceable {
    async fn seed(&self, seed: &QueueSeed) -> StoreResult<Stamped<SeedOutcome>> {
        self.now().seed(seed).await
    }

    async fn policy_version(&self, concert: ConcertId) -> StoreResult<Option<PolicyVersion>> {
        self.now().policy_version(concert).await
    }

    async fn set_sale(&self, concert: ConcertId, count: SaleCount) -> StoreResult<()> {
        self.now().set_sale(concert, count).await
    }

    async fn is_empty(&self, concert: ConcertId) -> StoreResult<bool> {
        self.now().is_empty(concert).await
    }

    async fn remove(&self, concert: ConcertId) -> StoreResult<RemoveOutcome> {
        self.now().remove(concert).await
    }
}

#[async_trait]
impl QueueSnapshots for Replaceable {
    async fn snapshot(
        &self,
        concert: ConcertId,
        since: Option<DepartureCursor>,
    ) -> StoreResult<Stamped<SnapshotOutcome>> {
        self.now().snapshot(concert, since).await
    }

    async fn record_heartbeats(
        &self,
        concert: ConcertId,
        heartbeats: &[Heartbeat],
    ) -> StoreResult<Vec<Stamped<LookUpOutcome>>> {
        self.now().record_heartbeats(concert, heartbeats).await
    }
    async fn peek(
        &self,
        concert: ConcertId,
        tickets: &[Ticket],
    ) -> StoreResult<Stamped<PeekOutcome>> {
        self.now().peek(concert, tickets).await
    }
}
