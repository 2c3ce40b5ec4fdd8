//! Follows one sequence on a faulty network.

use std::{pin::pin, time::Duration};

use frontrow_domain::{
    model::{
        ConcertId,
        queue::{DepartureCursor, Ticket},
    },
    ports::{StoreError, StoreResult},
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    super::{
        run_queue::{Stop, user_id},
        steps::{Positions, Rules, Shown, Step, USERS},
    },
    call::{Answer, Call},
    candidate::Candidate,
    run::Tally,
    sequence::FaultySequence,
    tickets::never_given_out,
};
use crate::{FaultyFixture, NetworkFault, QueuePorts, queue::QueueFixture};

/// How often the run checks whether the store can be reached again, and the wait between two
/// attempts.
const TRIES_MAX: u32 = 6_000;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// A store, and all candidates that explain its answers, during a sequence.
pub(super) struct FaultyRun<'a, F> {
    fixture: &'a mut F,
    ports: QueuePorts,
    pub(super) concert: ConcertId,
    pub(super) tally: Tally,
    pub(super) candidates: Vec<Candidate>,
    /// The tickets that each user has kept, newest last.
    pub(super) tickets: Vec<Vec<Ticket>>,
    /// The cursors of all snapshots that were answered, newest last.
    pub(super) marks: Vec<DepartureCursor>,
    pub(super) version: i64,
    pub(super) start: Timestamp,
    pub(super) shifted: SignedDuration,
    /// The store's time, as far as it is known.
    pub(super) last: Timestamp,
}

impl<'a, F: QueueFixture + FaultyFixture> FaultyRun<'a, F> {
    /// Returns a run in a queue that is not in use yet.
    pub(super) fn new(fixture: &'a mut F, tally: Tally, positions: Positions) -> Self {
        let concert = ConcertId(Uuid::from_u128(
            0xfa_0000_0000 + u128::from(tally.sequences),
        ));
        Self {
            ports: fixture.ports(),
            fixture,
            concert,
            tally,
            candidates: vec![Candidate::new(concert, positions)],
            tickets: vec![Vec::new(); USERS],
            marks: Vec::new(),
            version: 0,
            start: Timestamp::UNIX_EPOCH,
            shifted: SignedDuration::ZERO,
            last: Timestamp::UNIX_EPOCH,
        }
    }

    /// Follows the sequence. Errors where no candidate explains the store any more.
    pub(super) async fn follow(mut self, sequence: &FaultySequence) -> (Tally, Result<(), String>) {
        let mut outcome = self.begin(&sequence.start).await;
        let mut number = 0;
        for (step, fault) in &sequence.steps {
            if outcome.is_err() {
                break;
            }
            number += 1;
            outcome = self.take(step, *fault).await;
        }
        let outcome = match outcome {
            Ok(()) => Ok(()),
            Err(Stop::Undecided) => {
                self.tally.undecided += 1;
                Ok(())
            }
            Err(Stop::Wrong(why)) => Err(format!("step {number}: {why}")),
        };
        (self.tally, outcome)
    }

    async fn begin(&mut self, rules: &Rules) -> Result<(), Stop> {
        self.start = self.reach().await?;
        self.last = self.start;
        self.version += 1;
        let seed = self.seed(rules, self.version);
        let Ok((at, answer)) = seed.ask(&self.ports, self.concert).await else {
            // The machine is too busy for an adapter with short time-outs.
            return Err(Stop::Undecided);
        };
        self.answered(&seed, at, &answer)
    }

    async fn take(&mut self, step: &Step, fault: Option<NetworkFault>) -> Result<(), Stop> {
        let call = match step {
            Step::Join { user, shows } => {
                let shown = shows.map(|age| self.ticket_of(Shown { user: *user, age }));
                Call::Join(user_id(*user), shown)
            }
            Step::LookUp(shown) => Call::LookUp(self.ticket_of(*shown)),
            Step::Gate(shown, purpose) => Call::Gate(self.ticket_of(*shown), *purpose),
            Step::Leave(shown) => Call::Leave(self.ticket_of(*shown)),
            Step::Admit { limit } => {
                // The store decides whether removing expired heads is work that counts.
                self.remove_expired().await?;
                Call::Admit(*limit)
            }
            Step::Expire => Call::Expire,
            Step::Change(rules) => {
                self.remove_expired().await?;
                self.version += 1;
                self.seed(rules, self.version)
            }
            Step::OfferOldPolicy(rules) => {
                self.remove_expired().await?;
                self.seed(rules, self.version - 1)
            }
            Step::Sale(sale) => Call::Sale(*sale),
            Step::AskControl => Call::Version,
            Step::Look { since } => Call::Look(since.and_then(|age| self.mark(age))),
            Step::RecordHeartbeats(heard) => {
                Call::RecordHeartbeats(heard.iter().map(|heard| self.heartbeat(*heard)).collect())
            }
            Step::Pass { millis } | Step::Rewind { millis } => {
                let back = matches!(step, Step::Rewind { .. });
                let seconds = (millis / 1_000).max(1);
                return self.pass(if back { -seconds } else { seconds }).await;
            }
            Step::Serve { seconds } => {
                for _ in 0..*seconds {
                    self.pass(1).await?;
                    self.call(&Call::Expire, None).await?;
                }
                return Ok(());
            }
            Step::AskServed | Step::Lose { .. } | Step::Copy | Step::LoseLastWrites => {
                return Ok(());
            }
        };
        self.call(&call, fault).await
    }

    /// Makes a call that meets this fault, and updates the candidates by its result.
    async fn call(&mut self, call: &Call, fault: Option<NetworkFault>) -> Result<(), Stop> {
        let before = self.last;
        if let Some(fault) = fault {
            self.fixture.inject(fault).await;
        }
        let result = self.ask(call, fault).await;
        if fault.is_some() || result.is_err() {
            // A failure without an injected fault may also leave a request in flight.
            self.fixture.heal().await;
        }
        match result {
            Ok((at, answer)) => {
                self.tally.answers += 1;
                self.answered(call, at, &answer)?;
                if fault.is_some() {
                    self.last = self.reach().await?;
                }
                Ok(())
            }
            Err(StoreError::NotApplied { .. }) => {
                self.tally.not_applied += 1;
                self.last = self.reach().await?;
                self.check_limits()
            }
            Err(StoreError::OutcomeUnknown { .. }) => {
                self.tally.unknown += 1;
                self.last = self.reach().await?;
                self.unanswered(call, before)
            }
        }
    }

    async fn ask(
        &self,
        call: &Call,
        fault: Option<NetworkFault>,
    ) -> StoreResult<(Option<Timestamp>, Answer)> {
        let mut asking = pin!(call.ask(&self.ports, self.concert));
        if fault.is_none_or(|fault| !fault.ends_in_a_cut()) {
            return asking.await;
        }
        tokio::select! {
            result = &mut asking => result,
            () = self.fixture.cut() => asking.await,
        }
    }

    /// Waits until the store can be reached again. Returns its time.
    async fn reach(&self) -> Result<Timestamp, Stop> {
        // No user has this ticket, so the call has no effect except for the instant in its answer.
        let unknown = never_given_out(self.concert, "unknown");
        for _ in 0..TRIES_MAX {
            // Jobs may have their own connections.
            if let (Ok(answer), Ok(_)) = (
                self.ports.queue.look_up(&unknown).await,
                self.ports.ticks.busy().await,
            ) {
                return Ok(answer.as_of);
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        Err(Stop::Wrong("the store is never reached again".to_owned()))
    }

    /// Moves the store's time.
    async fn pass(&mut self, seconds: i64) -> Result<(), Stop> {
        self.remove_expired().await?;
        let by = SignedDuration::from_secs(seconds);
        self.fixture.shift_time(by).await;
        self.shifted += by;
        self.last += by;
        Ok(())
    }

    /// Removes expired places, so that none of them lives again by the next step. A store may have
    /// removed them before, or not.
    async fn remove_expired(&mut self) -> Result<(), Stop> {
        for _ in 0..TRIES_MAX {
            let now = self.last;
            if !self.candidates.iter_mut().any(|one| one.has_expired(now)) {
                return Ok(());
            }
            self.call(&Call::Expire, None).await?;
        }
        Err(Stop::Wrong(
            "what is past its end is never removed".to_owned(),
        ))
    }
}

impl NetworkFault {
    fn ends_in_a_cut(self) -> bool {
        matches!(self, Self::RequestLostAndCut | Self::AnswerLostAndCut)
    }
}
