//! A store with the model beside it: every call to the store is also made to the model.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{
            DepartureCursor, Departures, GatePurpose, Heartbeat, LineSnapshot, QueueSeed,
            SaleState, Ticket,
        },
    },
    ports::{
        GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, PeekOutcome, Queue, QueueSnapshots,
        SeedOutcome, SnapshotOutcome, Stamped, StoreResult, TickOutcome,
    },
};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{time::Time, truth::History};
use crate::{
    QueuePorts,
    fixture::counted,
    model::{Model, ModelQueue, Positions},
    queue::ALL,
};

/// The store as the instances see it.
pub(super) struct Mirror {
    time: Arc<Time>,
    held: Mutex<Held>,
}

/// The store and the model.
pub(super) struct Held {
    ports: QueuePorts,
    pub(super) model: Model,
    pub(super) history: History,
    /// How many look-ups of a place were made to the store.
    pub(super) look_ups: u32,
    /// Where the store differed from the model.
    pub(super) wrong: Option<String>,
    /// The cursors that the store returned, with those of the model.
    marks: Vec<(DepartureCursor, DepartureCursor)>,
    /// The delay of the next answer to a look-up.
    delay: Option<Delay>,
}

/// An answer in flight.
struct Delay {
    /// Notified when the store has answered, with whether it found the place.
    answered: oneshot::Sender<bool>,
    /// Notified when the answer arrives.
    arrives: oneshot::Receiver<()>,
}

impl Mirror {
    pub(super) fn new(ports: QueuePorts, time: Arc<Time>) -> Self {
        Self {
            time,
            held: Mutex::new(Held {
                ports,
                model: Model::default(),
                history: History::default(),
                look_ups: 0,
                wrong: None,
                marks: Vec::new(),
                delay: None,
            }),
        }
    }

    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delays the next answer to a look-up. The returned receiver is notified when the store has
    /// given it, with whether it found the place. The returned sender lets it arrive.
    pub(super) fn delay_answer(&self) -> (oneshot::Receiver<bool>, oneshot::Sender<()>) {
        let (answered, when_answered) = oneshot::channel();
        let (arrive, arrives) = oneshot::channel();
        self.held().delay = Some(Delay { answered, arrives });
        (when_answered, arrive)
    }

    /// Ends the delay of an answer that the store has not given yet.
    pub(super) fn hurry(&self) {
        self.held().delay = None;
    }

    fn ports(&self) -> QueuePorts {
        self.held().ports.clone()
    }

    /// Replaces the store by another one.
    pub(super) fn replace(&self, ports: QueuePorts) {
        let mut held = self.held();
        held.ports = ports;
        held.model.lose();
        let passed = self.time.passed();
        held.history.lose(passed);
    }

    /// Makes the same call to the model, and compares the answers.
    fn agree<T: PartialEq + Debug + Clone>(
        &self,
        concert: ConcertId,
        told: &Stamped<T>,
        expected: impl FnOnce(&mut ModelQueue, Timestamp) -> T,
    ) {
        self.agree_about(concert, told, expected, |_, told, _, _| told);
    }

    /// As [`Mirror::agree`], with a correction of positions that count expired places.
    fn agree_about<T: PartialEq + Debug + Clone>(
        &self,
        concert: ConcertId,
        told: &Stamped<T>,
        expected: impl FnOnce(&mut ModelQueue, Timestamp) -> T,
        put_right: impl FnOnce(&ModelQueue, T, Positions, Timestamp) -> T,
    ) {
        let mut held = self.held();
        let Held {
            model,
            history,
            wrong,
            ..
        } = &mut *held;
        let Some(queue) = model.queue(concert) else {
            return; // a queue that the store does not have is the contracts' affair
        };
        let expected = expected(queue, told.as_of);
        history.note(self.time.passed(), told.as_of, queue);
        let value = put_right(queue, told.value.clone(), Positions::Exact, told.as_of);
        // The order of two places with the same arrival is undefined: the run stops there.
        if expected != value && wrong.is_none() && !queue.has_tie() {
            *wrong = Some(format!(
                "the store at {}\n  expected {expected:?}\n  but got  {value:?}",
                told.as_of
            ));
        }
    }

    pub(super) async fn seed(&self, seed: &QueueSeed) -> StoreResult<SeedOutcome> {
        let told = self.ports().control.seed(seed).await?;
        let mut held = self.held();
        let Held { model, history, .. } = &mut *held;
        let expected = model.seed(told.as_of, seed);
        if let Some(queue) = model.queue(seed.concert) {
            history.note(self.time.passed(), told.as_of, queue);
        }
        assert_eq!(expected, told.value);
        Ok(told.value)
    }

    pub(super) async fn set_sale(&self, concert: ConcertId, sale: SaleState) -> StoreResult<()> {
        let control = self.ports().control;
        control.set_sale(concert, counted(sale)).await?;
        if let Some(queue) = self.held().model.queue(concert) {
            queue.sale.sale = sale;
        }
        self.expire(concert).await // its answer has the instant
    }

    pub(super) async fn admit(&self, concert: ConcertId, limit: u32) -> StoreResult<()> {
        let told = self.ports().ticks.admit(concert, limit).await?;
        let told = told.map(|told| report_of(&told));
        self.agree(concert, &told, |queue, now| {
            Some(queue.admit(now, limit)).map(|report| (report.waiting, report.active))
        });
        Ok(())
    }

    pub(super) async fn expire(&self, concert: ConcertId) -> StoreResult<()> {
        let told = self.ports().ticks.expire(concert, ALL).await?;
        let told = told.map(|told| report_of(&told));
        self.agree(concert, &told, |queue, now| {
            Some(queue.expire(now, ALL)).map(|report| (report.waiting, report.active))
        });
        Ok(())
    }
}

/// The part of a tick's report that does not depend on when a store removes expired places.
fn report_of(told: &TickOutcome) -> Option<(u64, u64)> {
    match told {
        TickOutcome::Ticked(report) => Some((report.waiting, report.active)),
        TickOutcome::NotSeeded => None,
    }
}

#[async_trait]
impl Queue for Mirror {
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        let queue = self.ports().queue;
        let told = queue.join(concert, user, shown.clone()).await?;
        let join = |queue: &mut ModelQueue, now| queue.join(now, user, shown.as_ref());
        self.agree_about(concert, &told, join, ModelQueue::joined);
        Ok(told)
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        let told = self.ports().queue.look_up(ticket).await?;
        self.held().look_ups += 1;
        let look_up = |queue: &mut ModelQueue, now| queue.look_up(now, ticket);
        self.agree_about(ticket.concert, &told, look_up, ModelQueue::looked_up);
        let delay = self.held().delay.take();
        if let Some(Delay { answered, arrives }) = delay
            && answered
                .send(matches!(told.value, LookUpOutcome::Found(_)))
                .is_ok()
        {
            // The answer also goes on if the sender was dropped.
            let _ = arrives.await;
        }
        Ok(told)
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        let told = self.ports().queue.pass_gate(ticket, purpose).await?;
        let pass = |queue: &mut ModelQueue, now| queue.pass_gate(now, ticket, purpose);
        self.agree_about(ticket.concert, &told, pass, ModelQueue::passed);
        Ok(told)
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        let told = self.ports().queue.leave(ticket).await?;
        self.agree(ticket.concert, &told, |queue, now| queue.leave(now, ticket));
        Ok(told)
    }
}

#[async_trait]
impl QueueSnapshots for Mirror {
    async fn snapshot(
        &self,
        concert: ConcertId,
        since: Option<DepartureCursor>,
    ) -> StoreResult<Stamped<SnapshotOutcome>> {
        let told = self.ports().line.snapshot(concert, since).await?;
        let SnapshotOutcome::Seen(line) = &told.value else {
            return Ok(told);
        };
        let models = |(stores, models): &(DepartureCursor, DepartureCursor)| {
            (Some(*stores) == since).then_some(*models)
        };
        let mark = self.held().marks.iter().rev().find_map(models);
        let expected = self
            .held()
            .model
            .queue(concert)
            .map(|queue| queue.snapshot(told.as_of, mark));
        if let Some(expected) = expected {
            self.held().marks.push((line.mark, expected.mark));
            let seen = Stamped {
                as_of: told.as_of,
                value: comparable(line.clone(), expected.mark),
            };
            self.agree(concert, &seen, |_, _| {
                comparable(expected.clone(), expected.mark)
            });
        }
        Ok(told)
    }

    async fn record_heartbeats(
        &self,
        concert: ConcertId,
        heartbeats: &[Heartbeat],
    ) -> StoreResult<Vec<Stamped<LookUpOutcome>>> {
        let told = self
            .ports()
            .line
            .record_heartbeats(concert, heartbeats)
            .await?;
        for (heartbeat, found) in heartbeats.iter().zip(&told) {
            let heard = |queue: &mut ModelQueue, now| queue.heard_from(now, heartbeat);
            self.agree_about(concert, found, heard, ModelQueue::looked_up);
        }
        Ok(told)
    }

    async fn peek(
        &self,
        concert: ConcertId,
        tickets: &[Ticket],
    ) -> StoreResult<Stamped<PeekOutcome>> {
        self.ports().line.peek(concert, tickets).await
    }
}

/// Replaces the cursor by `mark` and sorts the departures, because stores may differ in both.
fn comparable(mut line: LineSnapshot, mark: DepartureCursor) -> LineSnapshot {
    if let Departures::These(arrivals) = &mut line.left {
        arrivals.sort_unstable();
    }
    LineSnapshot { mark, ..line }
}
