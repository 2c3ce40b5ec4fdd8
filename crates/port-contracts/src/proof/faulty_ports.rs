//! A store behind a faulty network, whose failures are reported honestly or falsely.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{
            DepartureCursor, GatePurpose, Heartbeat, PolicyVersion, QueueSeed, SaleCount, Served,
            Ticket,
        },
    },
    ports::{
        GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, PeekOutcome, Queue, QueueControl,
        QueueSnapshots, QueueTicks, RemoveOutcome, SeedOutcome, SnapshotOutcome, Stamped,
        StoreError, StoreResult, TickOutcome,
    },
};
use jiff::SignedDuration;

use super::StoreFixture;
use crate::{FaultyFixture, Fixture, NetworkFault, QueuePorts};

/// How an adapter reports calls that met a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultReports {
    Honest,
    /// Reports a call that was applied as not applied.
    AppliedAsNotApplied,
    /// Repeats a call without an answer, and returns the second answer.
    AnsweredRepeat,
    /// Repeats a call without an answer, and the repeat gets no answer either.
    UnansweredRepeat,
}

/// The ports of a sound store, behind a faulty network.
pub(super) struct FaultyPorts {
    store: QueuePorts,
    reports: FaultReports,
    next: Mutex<Option<NetworkFault>>,
}

impl FaultyPorts {
    /// Makes one call over the network.
    async fn pass<T, Answer>(&self, call: impl Fn() -> Answer) -> StoreResult<T>
    where
        Answer: Future<Output = StoreResult<T>>,
    {
        let next = *self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = || Err(StoreError::outcome_unknown("no answer"));
        match next {
            None | Some(NetworkFault::Delayed | NetworkFault::CutAfterAnswer) => call().await,
            Some(NetworkFault::Refused) => Err(StoreError::not_applied("no connection")),
            Some(
                NetworkFault::RequestLost | NetworkFault::RequestLostAndCut | NetworkFault::Reset,
            ) => unknown(),
            Some(
                NetworkFault::AnswerLost
                | NetworkFault::AnswerLostAndCut
                | NetworkFault::DelayedForLong,
            ) => {
                call().await?;
                match self.reports {
                    FaultReports::AppliedAsNotApplied => Err(StoreError::not_applied("no answer")),
                    FaultReports::AnsweredRepeat => call().await,
                    FaultReports::UnansweredRepeat => {
                        call().await?;
                        unknown()
                    }
                    FaultReports::Honest => unknown(),
                }
            }
        }
    }
}

#[async_trait]
impl Queue for FaultyPorts {
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        let queue = &self.store.queue;
        self.pass(|| queue.join(concert, user, shown.clone())).await
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        self.pass(|| self.store.queue.look_up(ticket)).await
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        self.pass(|| self.store.queue.pass_gate(ticket, purpose))
            .await
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        self.pass(|| self.store.queue.leave(ticket)).await
    }
}

#[async_trait]
impl QueueTicks for FaultyPorts {
    async fn busy(&self) -> StoreResult<Vec<ConcertId>> {
        self.pass(|| self.store.ticks.busy()).await
    }

    async fn admit(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        self.pass(|| self.store.ticks.admit(concert, limit)).await
    }

    async fn expire(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        self.pass(|| self.store.ticks.expire(concert, limit)).await
    }

    async fn served(&self, concert: ConcertId) -> StoreResult<Stamped<Option<Served>>> {
        self.pass(|| self.store.ticks.served(concert)).await
    }
}

#[async_trait]
impl QueueControl for FaultyPorts {
    async fn seed(&self, seed: &QueueSeed) -> StoreResult<Stamped<SeedOutcome>> {
        self.pass(|| self.store.control.seed(seed)).await
    }

    async fn policy_version(&self, concert: ConcertId) -> StoreResult<Option<PolicyVersion>> {
        self.pass(|| self.store.control.policy_version(concert))
            .await
    }

    async fn set_sale(&self, concert: ConcertId, count: SaleCount) -> StoreResult<()> {
        self.pass(|| self.store.control.set_sale(concert, count))
            .await
    }

    async fn is_empty(&self, concert: ConcertId) -> StoreResult<bool> {
        self.pass(|| self.store.control.is_empty(concert)).await
    }

    async fn remove(&self, concert: ConcertId) -> StoreResult<RemoveOutcome> {
        self.pass(|| self.store.control.remove(concert)).await
    }
}

#[async_trait]
impl QueueSnapshots for FaultyPorts {
    async fn snapshot(
        &self,
        concert: ConcertId,
        since: Option<DepartureCursor>,
    ) -> StoreResult<Stamped<SnapshotOutcome>> {
        self.pass(|| self.store.line.snapshot(concert, since)).await
    }

    async fn record_heartbeats(
        &self,
        concert: ConcertId,
        heartbeats: &[Heartbeat],
    ) -> StoreResult<Vec<Stamped<LookUpOutcome>>> {
        self.pass(|| self.store.line.record_heartbeats(concert, heartbeats))
            .await
    }

    async fn peek(
        &self,
        concert: ConcertId,
        tickets: &[Ticket],
    ) -> StoreResult<Stamped<PeekOutcome>> {
        self.pass(|| self.store.line.peek(concert, tickets)).await
    }
}

/// A sound store behind a faulty network, for one test.
pub(super) struct FaultyStoreFixture {
    store: StoreFixture,
    ports: Arc<FaultyPorts>,
}

impl FaultyStoreFixture {
    pub(super) fn new(store: StoreFixture, reports: FaultReports) -> Self {
        let ports = Arc::new(FaultyPorts {
            store: store.ports(),
            reports,
            next: Mutex::default(),
        });
        Self { store, ports }
    }

    fn set(&self, next: Option<NetworkFault>) {
        let set = self.ports.next.lock();
        *set.unwrap_or_else(PoisonError::into_inner) = next;
    }
}

#[async_trait]
impl Fixture for FaultyStoreFixture {
    type Ports = QueuePorts;

    fn ports(&self) -> QueuePorts {
        QueuePorts {
            queue: Arc::<FaultyPorts>::clone(&self.ports),
            ticks: Arc::<FaultyPorts>::clone(&self.ports),
            control: Arc::<FaultyPorts>::clone(&self.ports),
            line: Arc::<FaultyPorts>::clone(&self.ports),
        }
    }

    async fn shift_time(&mut self, by: SignedDuration) {
        self.store.shift_time(by).await;
    }

    async fn lose_data(&mut self) {
        self.store.lose_data().await;
    }

    async fn reopen(&mut self) {
        self.store.reopen().await;
    }
}

#[async_trait]
impl FaultyFixture for FaultyStoreFixture {
    async fn inject(&self, fault: NetworkFault) {
        self.set(Some(fault));
    }

    async fn cut(&self) {
        // No call waits here for an answer that never comes.
        std::future::pending::<()>().await;
    }

    async fn heal(&self) {
        self.set(None);
    }
}
