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

use super::{history::History, time::Time};
use crate::{
    QueuePorts,
    fixture::counted,
    model::{Model, ModelQueue, Positions},
    queue::ALL,
};

/// The store as the instances see it.
pub(super) struct Mirror {
    time: Arc<Time>,
    state: Mutex<State>,
}

/// The store and the model.
pub(super) struct State {
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
    /// Notified when the answer may arrive.
    arrives: oneshot::Receiver<()>,
}

impl Mirror {
    pub(super) fn new(ports: QueuePorts, time: Arc<Time>) -> Self {
        Self {
            time,
            state: Mutex::new(State {
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

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delays the next answer to a look-up. The returned receiver is notified when the store has
    /// given the answer, with whether it found the place. The returned sender lets the answer
    /// arrive.
    pub(super) fn delay_answer(&self) -> (oneshot::Receiver<bool>, oneshot::Sender<()>) {
        let (answered, when_answered) = oneshot::channel();
        let (arrive, arrives) = oneshot::channel();
        self.state().delay = Some(Delay { answered, arrives });
        (when_answered, arrive)
    }

    /// Ends the delay of an answer that the store has not given yet.
    pub(super) fn end_delay(&self) {
        self.state().delay = None;
    }

    fn ports(&self) -> QueuePorts {
        self.state().ports.clone()
    }

    /// Replaces the store by another one.
    pub(super) fn replace(&self, ports: QueuePorts) {
        let mut state = self.state();
        state.ports = ports;
        state.model.lose();
        let passed = self.time.passed();
        state.history.lose(passed);
    }

    /// Makes the same call to the model, and compares the answers.
    fn agree<T: PartialEq + Debug + Clone>(
        &self,
        concert: ConcertId,
        answer: &Stamped<T>,
        expected: impl FnOnce(&mut ModelQueue, Timestamp) -> T,
    ) {
        self.agree_corrected(concert, answer, expected, |_, answer, _, _| answer);
    }

    /// As [`Mirror::agree`], with a correction of positions that count expired places.
    fn agree_corrected<T: PartialEq + Debug + Clone>(
        &self,
        concert: ConcertId,
        answer: &Stamped<T>,
        expected: impl FnOnce(&mut ModelQueue, Timestamp) -> T,
        corrected: impl FnOnce(&ModelQueue, T, Positions, Timestamp) -> T,
    ) {
        let mut state = self.state();
        let State {
            model,
            history,
            wrong,
            ..
        } = &mut *state;
        let Some(queue) = model.queue(concert) else {
            return; // the contracts test queues that the store does not have
        };
        let expected = expected(queue, answer.as_of);
        history.record(self.time.passed(), answer.as_of, queue);
        let value = corrected(queue, answer.value.clone(), Positions::Exact, answer.as_of);
        // The order of two places with the same arrival is undefined: the run stops there.
        if expected != value && wrong.is_none() && !queue.has_tie() {
            *wrong = Some(format!(
                "the store at {}\n  expected {expected:?}\n  but got  {value:?}",
                answer.as_of
            ));
        }
    }

    pub(super) async fn seed(&self, seed: &QueueSeed) -> StoreResult<SeedOutcome> {
        let answer = self.ports().control.seed(seed).await?;
        let mut state = self.state();
        let State { model, history, .. } = &mut *state;
        let expected = model.seed(answer.as_of, seed);
        if let Some(queue) = model.queue(seed.concert) {
            history.record(self.time.passed(), answer.as_of, queue);
        }
        assert_eq!(expected, answer.value);
        Ok(answer.value)
    }

    pub(super) async fn set_sale(&self, concert: ConcertId, sale: SaleState) -> StoreResult<()> {
        let control = self.ports().control;
        control.set_sale(concert, counted(sale)).await?;
        if let Some(queue) = self.state().model.queue(concert) {
            queue.sale.sale = sale;
        }
        self.expire(concert).await // its answer has the instant
    }

    pub(super) async fn admit(&self, concert: ConcertId, limit: u32) -> StoreResult<()> {
        let answer = self.ports().ticks.admit(concert, limit).await?;
        let answer = answer.map(|answer| report_of(&answer));
        self.agree(concert, &answer, |queue, now| {
            Some(queue.admit(now, limit)).map(|report| (report.waiting, report.active))
        });
        Ok(())
    }

    pub(super) async fn expire(&self, concert: ConcertId) -> StoreResult<()> {
        let answer = self.ports().ticks.expire(concert, ALL).await?;
        let answer = answer.map(|answer| report_of(&answer));
        self.agree(concert, &answer, |queue, now| {
            Some(queue.expire(now, ALL)).map(|report| (report.waiting, report.active))
        });
        Ok(())
    }
}

/// Returns the part of a tick's report that does not depend on when a store removes expired places.
fn report_of(answer: &TickOutcome) -> Option<(u64, u64)> {
    match answer {
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
        let answer = queue.join(concert, user, shown.clone()).await?;
        let join = |queue: &mut ModelQueue, now| queue.join(now, user, shown.as_ref());
        self.agree_corrected(concert, &answer, join, ModelQueue::corrected_join);
        Ok(answer)
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        let answer = self.ports().queue.look_up(ticket).await?;
        self.state().look_ups += 1;
        let look_up = |queue: &mut ModelQueue, now| queue.look_up(now, ticket);
        self.agree_corrected(
            ticket.concert,
            &answer,
            look_up,
            ModelQueue::corrected_look_up,
        );
        let delay = self.state().delay.take();
        if let Some(Delay { answered, arrives }) = delay
            && answered
                .send(matches!(answer.value, LookUpOutcome::Found(_)))
                .is_ok()
        {
            // The answer also goes on if the sender was dropped.
            let _ = arrives.await;
        }
        Ok(answer)
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        let answer = self.ports().queue.pass_gate(ticket, purpose).await?;
        let pass = |queue: &mut ModelQueue, now| queue.pass_gate(now, ticket, purpose);
        self.agree_corrected(ticket.concert, &answer, pass, ModelQueue::corrected_gate);
        Ok(answer)
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        let answer = self.ports().queue.leave(ticket).await?;
        self.agree(ticket.concert, &answer, |queue, now| {
            queue.leave(now, ticket)
        });
        Ok(answer)
    }
}

#[async_trait]
impl QueueSnapshots for Mirror {
    async fn snapshot(
        &self,
        concert: ConcertId,
        since: Option<DepartureCursor>,
    ) -> StoreResult<Stamped<SnapshotOutcome>> {
        let answer = self.ports().line.snapshot(concert, since).await?;
        let SnapshotOutcome::Seen(line) = &answer.value else {
            return Ok(answer);
        };
        let models = |(stores, models): &(DepartureCursor, DepartureCursor)| {
            (Some(*stores) == since).then_some(*models)
        };
        let mark = self.state().marks.iter().rev().find_map(models);
        let expected = self
            .state()
            .model
            .queue(concert)
            .map(|queue| queue.snapshot(answer.as_of, mark));
        if let Some(expected) = expected {
            self.state().marks.push((line.mark, expected.mark));
            let seen = Stamped {
                as_of: answer.as_of,
                value: comparable(line.clone(), expected.mark),
            };
            self.agree(concert, &seen, |_, _| {
                comparable(expected.clone(), expected.mark)
            });
        }
        Ok(answer)
    }

    async fn record_heartbeats(
        &self,
        concert: ConcertId,
        heartbeats: &[Heartbeat],
    ) -> StoreResult<Vec<Stamped<LookUpOutcome>>> {
        let answer = self
            .ports()
            .line
            .record_heartbeats(concert, heartbeats)
            .await?;
        for (heartbeat, found) in heartbeats.iter().zip(&answer) {
            let record = |queue: &mut ModelQueue, now| queue.record_heartbeat(now, heartbeat);
            self.agree_corrected(concert, found, record, ModelQueue::corrected_look_up);
        }
        Ok(answer)
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
