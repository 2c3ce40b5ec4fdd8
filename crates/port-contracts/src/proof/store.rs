//! A store built on the reference model, sound or flawed.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

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
        StoreResult, TickOutcome,
    },
};
use jiff::{SignedDuration, Timestamp};

use super::{
    flaws::{self, Flaw, Moment},
    over_stating::Answer,
};
use crate::{
    Fixture, QueuePorts,
    model::{Model, ModelQueue},
};

/// A call to a queue, for a flaw to tamper with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Call {
    Join(UserId, Option<Ticket>),
    LookUp(Ticket),
    Gate(Ticket, GatePurpose),
    Leave,
    Admit(u32),
    Expire(u32),
    Look,
    RecordHeartbeats(Vec<Heartbeat>),
    Peek(Vec<Ticket>),
}

/// A store built on the model.
pub(crate) struct ModelStore {
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) model: Model,
    now: Timestamp,
    flaw: Flaw,
}

impl State {
    /// Returns the time. Each reading is a little later than the last.
    pub(super) fn later(&mut self) -> Timestamp {
        self.now += Duration::from_micros(100);
        self.now
    }
}

impl ModelStore {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call to a queue, and lets the flaw tamper with it before and after.
    fn ask<T: Answer>(
        &self,
        concert: ConcertId,
        mut call: Call,
        answer: impl FnOnce(&mut ModelQueue, Timestamp, &Call) -> T,
        unknown: T,
    ) -> Stamped<T> {
        let mut state = self.state();
        let as_of = state.later();
        let State { model, flaw, .. } = &mut *state;
        let Some(queue) = model.queue(concert) else {
            return Stamped {
                as_of,
                value: unknown,
            };
        };
        (flaw.tamper)(Moment::Before, queue, as_of, &mut call);
        let value = answer(queue, as_of, &call);
        (flaw.tamper)(Moment::After, queue, as_of, &mut call);
        let value = if flaw.over_states {
            value.over_stated(queue, as_of)
        } else {
            value
        };
        Stamped { as_of, value }
    }

    pub(super) fn tick(&self, concert: ConcertId, call: Call) -> Stamped<TickOutcome> {
        self.ask(
            concert,
            call,
            |queue, now, call| {
                TickOutcome::Ticked(match call {
                    Call::Admit(limit) => queue.admit(now, *limit),
                    Call::Expire(limit) => queue.expire(now, *limit),
                    other => panic!("{other:?} is no tick"),
                })
            },
            TickOutcome::NotSeeded,
        )
    }
}

#[async_trait]
impl Queue for ModelStore {
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        Ok(self.ask(
            concert,
            Call::Join(user.clone(), shown),
            |queue, now, call| match call {
                Call::Join(user, shown) => queue.join(now, user, shown.as_ref()),
                other => panic!("{other:?} is no join"),
            },
            JoinOutcome::NotSeeded,
        ))
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        Ok(self.ask(
            ticket.concert,
            Call::LookUp(ticket.clone()),
            |queue, now, call| match call {
                Call::LookUp(ticket) => queue.look_up(now, ticket),
                other => panic!("{other:?} is no look-up"),
            },
            LookUpOutcome::NotSeeded,
        ))
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        Ok(self.ask(
            ticket.concert,
            Call::Gate(ticket.clone(), purpose),
            |queue, now, call| match call {
                Call::Gate(ticket, purpose) => queue.pass_gate(now, ticket, *purpose),
                other => panic!("{other:?} is no gate"),
            },
            GateOutcome::NotSeeded,
        ))
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        Ok(self.ask(
            ticket.concert,
            Call::Leave,
            |queue, now, _| queue.leave(now, ticket),
            LeaveOutcome::NotSeeded,
        ))
    }
}

#[async_trait]
impl QueueTicks for ModelStore {
    async fn busy(&self) -> StoreResult<Vec<ConcertId>> {
        let mut state = self.state();
        let now = state.later();
        Ok(state.model.busy(now))
    }

    async fn admit(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        let torn = self.state().flaw.torn;
        match torn {
            None => Ok(self.tick(concert, Call::Admit(limit))),
            Some(torn) => Ok(self.admit_torn(concert, limit, torn).await),
        }
    }

    async fn expire(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        Ok(self.tick(concert, Call::Expire(limit)))
    }

    async fn served(&self, concert: ConcertId) -> StoreResult<Stamped<Option<Served>>> {
        let mut state = self.state();
        let as_of = state.later();
        let queue = state.model.queue(concert);
        let value = queue.and_then(|queue| queue.served(as_of));
        Ok(Stamped { as_of, value })
    }
}

#[async_trait]
impl QueueControl for ModelStore {
    async fn seed(&self, seed: &QueueSeed) -> StoreResult<Stamped<SeedOutcome>> {
        let mut state = self.state();
        let as_of = state.later();
        let value = state.model.seed(as_of, seed);
        Ok(Stamped { as_of, value })
    }

    async fn policy_version(&self, concert: ConcertId) -> StoreResult<Option<PolicyVersion>> {
        let mut state = self.state();
        Ok(state.model.queue(concert).map(|queue| queue.policy.version))
    }

    async fn set_sale(&self, concert: ConcertId, count: SaleCount) -> StoreResult<()> {
        if let Some(queue) = self.state().model.queue(concert) {
            queue.count_sale(count);
        }
        Ok(())
    }

    async fn is_empty(&self, concert: ConcertId) -> StoreResult<bool> {
        let mut state = self.state();
        let now = state.later();
        let queue = state.model.queue(concert);
        Ok(queue.is_none_or(|queue| queue.holds_nothing(now)))
    }

    async fn remove(&self, concert: ConcertId) -> StoreResult<RemoveOutcome> {
        let mut state = self.state();
        let now = state.later();
        Ok(state.model.remove(now, concert))
    }
}

#[async_trait]
impl QueueSnapshots for ModelStore {
    async fn snapshot(
        &self,
        concert: ConcertId,
        since: Option<DepartureCursor>,
    ) -> StoreResult<Stamped<SnapshotOutcome>> {
        Ok(self.ask(
            concert,
            Call::Look,
            |queue, now, _| SnapshotOutcome::Seen(queue.snapshot(now, since)),
            SnapshotOutcome::NotSeeded,
        ))
    }

    async fn record_heartbeats(
        &self,
        concert: ConcertId,
        heartbeats: &[Heartbeat],
    ) -> StoreResult<Vec<Stamped<LookUpOutcome>>> {
        let answer = self.ask(
            concert,
            Call::RecordHeartbeats(heartbeats.to_vec()),
            |queue, now, call| match call {
                Call::RecordHeartbeats(heartbeats) => {
                    let found = heartbeats
                        .iter()
                        .map(|heartbeat| queue.record_heartbeat(now, heartbeat));
                    found.collect()
                }
                other => panic!("{other:?} is no heartbeat"),
            },
            vec![LookUpOutcome::NotSeeded; heartbeats.len()],
        );
        let as_of = answer.as_of;
        let found = answer.value.into_iter();
        Ok(found.map(|value| Stamped { as_of, value }).collect())
    }

    async fn peek(
        &self,
        concert: ConcertId,
        tickets: &[Ticket],
    ) -> StoreResult<Stamped<PeekOutcome>> {
        Ok(self.ask(
            concert,
            Call::Peek(tickets.to_vec()),
            |queue, now, call| match call {
                Call::Peek(tickets) => PeekOutcome::Seen(queue.peek(now, tickets)),
                other => panic!("{other:?} is no peek"),
            },
            PeekOutcome::NotSeeded,
        ))
    }
}

/// A [`ModelStore`] for one test.
pub(crate) struct StoreFixture {
    store: Arc<ModelStore>,
}

impl StoreFixture {
    pub(crate) fn sound() -> Self {
        Self::with(Flaw::default())
    }

    pub(crate) fn eager_and_volatile() -> Self {
        Self::with(flaws::eager_and_volatile())
    }

    pub(crate) fn over_stating() -> Self {
        Self::with(flaws::over_stating())
    }

    pub(crate) fn with(flaw: Flaw) -> Self {
        let state = State {
            model: Model::default(),
            now: Timestamp::from_second(1_770_000_000).expect("an instant of 2026"),
            flaw,
        };
        Self {
            store: Arc::new(ModelStore {
                state: Mutex::new(state),
            }),
        }
    }
}

#[async_trait]
impl Fixture for StoreFixture {
    type Ports = QueuePorts;

    fn ports(&self) -> QueuePorts {
        QueuePorts {
            queue: Arc::<ModelStore>::clone(&self.store),
            ticks: Arc::<ModelStore>::clone(&self.store),
            control: Arc::<ModelStore>::clone(&self.store),
            line: Arc::<ModelStore>::clone(&self.store),
        }
    }

    async fn shift_time(&mut self, by: SignedDuration) {
        self.store.state().now += by;
    }

    async fn lose_data(&mut self) {
        self.store.state().model.lose();
    }

    async fn reopen(&mut self) {
        let mut state = self.store.state();
        if state.flaw.is_volatile {
            state.model.lose();
        }
    }
}
