//! Follows one sequence on a broken way.

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
        run_queue::{Stop, user},
        steps::{Positions, Rules, Shown, Step, USERS},
    },
    call::{Answer, Call},
    candidate::Candidate,
    people::never_given_out,
    run::Tally,
    sequence::FaultySequence,
};
use crate::{FaultyFixture, NetworkFault, QueuePorts, queue::QueueFixture};

/// How often a store is asked whether it can be reached again, and how long to wait in between.
const TRIES_MAX: u32 = 6_000;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// A store, and all models that explain what it has answered, on the way through a sequence.
pub(super) struct FaultyRun<'a, F> {
    fixture: &'a mut F,
    ports: QueuePorts,
    pub(super) concert: ConcertId,
    pub(super) tally: Tally,
    pub(super) candidates: Vec<Candidate>,
    /// What each user has kept, the newest ticket last.
    pub(super) tickets: Vec<Vec<Ticket>>,
    /// The marks of all looks that were answered, the newest last.
    pub(super) marks: Vec<DepartureCursor>,
    pub(super) version: i64,
    pub(super) start: Timestamp,
    pub(super) shifted: SignedDuration,
    /// The store's time, as far as it is known.
    pub(super) last: Timestamp,
}

impl<'a, F: QueueFixture + FaultyFixture> FaultyRun<'a, F> {
    /// A run in a queue that nobody has used yet.
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

    /// Follows the sequence; says where no model explains the store any more.
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
        let Ok((at, told)) = seed.ask(&self.ports, self.concert).await else {
            // The machine is too busy for an adapter without patience.
            return Err(Stop::Undecided);
        };
        self.answered(&seed, at, &told)
    }

    async fn take(&mut self, step: &Step, fault: Option<NetworkFault>) -> Result<(), Stop> {
        let call = match step {
            Step::Join { who, shows } => {
                let shown = shows.map(|age| self.ticket_of(Shown { who: *who, age }));
                Call::Join(user(*who), shown)
            }
            Step::LookUp(shown) => Call::LookUp(self.ticket_of(*shown)),
            Step::Gate(shown, purpose) => Call::Gate(self.ticket_of(*shown), *purpose),
            Step::Leave(shown) => Call::Leave(self.ticket_of(*shown)),
            Step::Admit { limit } => {
                // Whether removing heads that are past their end is work that counts is left to the store.
                self.tidy_up().await?;
                Call::Admit(*limit)
            }
            Step::Expire => Call::Expire,
            Step::Change(rules) => {
                self.tidy_up().await?;
                self.version += 1;
                self.seed(rules, self.version)
            }
            Step::OfferOldPolicy(rules) => {
                self.tidy_up().await?;
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

    /// Makes a call to which this happens on its way, and takes the consequences.
    async fn call(&mut self, call: &Call, fault: Option<NetworkFault>) -> Result<(), Stop> {
        let before = self.last;
        if let Some(fault) = fault {
            self.fixture.inject(fault).await;
        }
        let told = self.ask(call, fault).await;
        if fault.is_some() || told.is_err() {
            // A failure by itself may leave something on its way, too.
            self.fixture.heal().await;
        }
        match told {
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
                self.in_time()
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
            told = &mut asking => told,
            () = self.fixture.cut() => asking.await,
        }
    }

    /// Waits until the store can be reached again; gives its time.
    async fn reach(&self) -> Result<Timestamp, Stop> {
        // Nobody has this ticket, so nothing comes of it but the time.
        let nobody = never_given_out(self.concert, "nobody");
        for _ in 0..TRIES_MAX {
            // Jobs may have connections of their own.
            if let (Ok(told), Ok(_)) = (
                self.ports.queue.look_up(&nobody).await,
                self.ports.ticks.busy().await,
            ) {
                return Ok(told.as_of);
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        Err(Stop::Wrong("the store is never reached again".to_owned()))
    }

    /// Moves the store's time.
    async fn pass(&mut self, seconds: i64) -> Result<(), Stop> {
        self.tidy_up().await?;
        let by = SignedDuration::from_secs(seconds);
        self.fixture.shift_time(by).await;
        self.shifted += by;
        self.last += by;
        Ok(())
    }

    /// Removes what is past its end, so that nothing comes to life again by what happens next: a store may
    /// have removed it before, or may not.
    async fn tidy_up(&mut self) -> Result<(), Stop> {
        for _ in 0..TRIES_MAX {
            let now = self.last;
            if !self.candidates.iter_mut().any(|one| one.has_over(now)) {
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
