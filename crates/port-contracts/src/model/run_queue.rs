//! One sequence: every step is made to the store and to the model, and the answers are compared.

use std::fmt::Debug;

use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{
            DepartureCursor, Generation, PolicyVersion, QueueSeed, Recovery, Ticket,
            VersionedPolicy,
        },
    },
    ports::{StoreError, TickOutcome},
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    Model, ModelQueue,
    steps::{Positions, RECOVERY, Rules, Sequence, Shown, Step, USERS},
};
use crate::{
    QueuePorts,
    queue::{ALL, QueueFixture},
};

/// The reason why a sequence is not followed to its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The store did not answer as the model did.
    Wrong(String),
    /// The right answer is undefined: see [`Run::arrive`] and [`ModelQueue::has_tie`].
    Undecided,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Wrong(format!("the store failed: {error}"))
    }
}

/// A store and its model, during a sequence.
pub(crate) struct Run<'a, F> {
    pub(super) fixture: &'a mut F,
    pub(super) ports: QueuePorts,
    pub(super) concert: ConcertId,
    pub(super) positions: Positions,
    pub(super) model: Model,
    /// The model of the last copy of the store.
    copy: Option<Model>,
    /// The tickets that each user has kept, newest last.
    tickets: Vec<Vec<Ticket>>,
    /// The cursors of all snapshots, as the store and as the model returned them, newest last.
    pub(super) marks: Vec<(DepartureCursor, DepartureCursor)>,
    version: i64,
    generation: u64,
    /// The store's time at the last call.
    last: Timestamp,
    /// The users whose places had expired then, and that the model had not removed.
    expired: Vec<UserId>,
}

impl<'a, F: QueueFixture> Run<'a, F> {
    /// Returns a run in the store's queue of this number, which is not in use yet.
    pub(crate) fn new(fixture: &'a mut F, queue: u128, positions: Positions) -> Self {
        Self {
            ports: fixture.ports(),
            fixture,
            concert: ConcertId(Uuid::from_u128(0xc1_0000_0000 + queue)),
            positions,
            model: Model::default(),
            copy: None,
            tickets: vec![Vec::new(); USERS],
            marks: Vec::new(),
            version: 0,
            generation: 0,
            last: Timestamp::UNIX_EPOCH,
            expired: Vec::new(),
        }
    }

    /// Follows the sequence. Errors where the store differs from the model.
    pub(crate) async fn follow(mut self, sequence: &Sequence) -> Result<(), String> {
        let mut outcome = self.start(&sequence.start).await;
        let mut number = 0;
        for step in &sequence.steps {
            if outcome.is_err() {
                break;
            }
            number += 1;
            outcome = self.take(step).await;
        }
        match outcome {
            Ok(()) | Err(Stop::Undecided) => Ok(()),
            Err(Stop::Wrong(why)) => Err(format!("step {number}: {why}")),
        }
    }

    async fn start(&mut self, rules: &Rules) -> Result<(), Stop> {
        // A call for a queue that the store does not have still returns the store's time.
        let unknown = self.ticket_of(0, 0);
        self.last = self.ports.queue.look_up(&unknown).await?.as_of;
        self.change(rules).await
    }

    async fn take(&mut self, step: &Step) -> Result<(), Stop> {
        match step {
            Step::Join { user, shows } => self.join(*user, *shows).await,
            Step::LookUp(shown) => self.look_up(*shown).await,
            Step::Gate(shown, purpose) => self.gate(*shown, *purpose).await,
            Step::Leave(shown) => self.leave(*shown).await,
            Step::Admit { limit } => self.admit(*limit).await,
            Step::Expire => self.expire().await,
            Step::Change(rules) => self.change(rules).await,
            Step::OfferOldPolicy(rules) => {
                let version = self.version - 1;
                self.seed(rules, version, None).await
            }
            Step::Sale(sale) => self.set_sale(*sale).await,
            Step::AskControl => self.ask_control().await,
            Step::AskServed => self.ask_served().await,
            Step::Look { since } => self.snapshot(*since).await,
            Step::RecordHeartbeats(heartbeats) => self.record_heartbeats(heartbeats).await,
            Step::Pass { millis } => self.pass(*millis).await,
            Step::Rewind { millis } => self.pass(-millis).await,
            Step::Serve { seconds } => {
                for _ in 0..*seconds {
                    self.pass(1_000).await?;
                    self.expire().await?;
                }
                Ok(())
            }
            Step::Lose {
                recovers,
                knows_served,
                rules,
            } => self.lose(*recovers, *knows_served, rules).await,
            Step::Copy => {
                if self.fixture.copy_queue(self.concert).await {
                    self.copy = Some(self.model.clone());
                }
                Ok(())
            }
            Step::LoseLastWrites => self.lose_last_writes().await,
        }
    }

    /// Sets a newer policy.
    async fn change(&mut self, rules: &Rules) -> Result<(), Stop> {
        self.remove_expired().await?;
        self.version += 1;
        self.seed(rules, self.version, None).await
    }

    /// Replaces the store by its last copy.
    async fn lose_last_writes(&mut self) -> Result<(), Stop> {
        let Some(copy) = self.copy.clone() else {
            return Ok(());
        };
        self.remove_expired().await?;
        self.fixture.fail_over(self.concert).await;
        self.model = copy;
        if let Some(queue) = self.queue() {
            queue.is_moved = true;
        }
        // Its places may have expired by now.
        self.expire().await
    }

    async fn lose(
        &mut self,
        recovers: bool,
        knows_served: bool,
        rules: &Rules,
    ) -> Result<(), Stop> {
        let last = self.last;
        let served = self.queue().and_then(|queue| queue.served(last));
        self.fixture.lose_data().await;
        self.model.lose();
        self.copy = None;
        self.expired.clear();
        // The queue is unknown until the store is given it again.
        self.look_up(Shown { user: 0, age: 0 }).await?;
        self.admit(ALL).await?;
        self.generation += 1;
        let how = recovers.then_some(Recovery {
            served_up_to: served.filter(|_| knows_served).map(|served| served.up_to),
            ..Recovery::lasting(RECOVERY)
        });
        self.seed(rules, self.version, how).await
    }

    async fn seed(
        &mut self,
        rules: &Rules,
        version: i64,
        recovery: Option<Recovery>,
    ) -> Result<(), Stop> {
        let seed = QueueSeed {
            concert: self.concert,
            policy: VersionedPolicy {
                policy: rules.policy(self.last),
                version: PolicyVersion(version),
            },
            generation: Generation(self.generation),
            recovery,
        };
        let answer = self.ports.control.seed(&seed).await?;
        self.arrive(answer.as_of)?;
        let expected = self.model.seed(answer.as_of, &seed);
        self.agree(&expected, &answer.value)
    }

    /// Moves the store's time.
    async fn pass(&mut self, millis: i64) -> Result<(), Stop> {
        let by = SignedDuration::from_millis(millis);
        if millis < 0 && self.would_restart_reentry(by) {
            return Ok(());
        }
        self.remove_expired().await?;
        self.fixture.shift_time(by).await;
        Ok(())
    }

    /// Returns true if a step back would restart the period after a loss that is already over. A
    /// store may forget it once it is over.
    fn would_restart_reentry(&mut self, by: SignedDuration) -> bool {
        let (last, then) = (self.last, self.last + by);
        let mut ends = self
            .queue()
            .map_or_else(Vec::new, |queue| queue.ends_of_losses());
        ends.retain(|end| (then..=last).contains(end));
        !ends.is_empty()
    }

    /// Removes expired places, so that none of them lives again by the next step. A store may have
    /// removed them before, or not.
    async fn remove_expired(&mut self) -> Result<(), Stop> {
        if self.expired.is_empty() {
            Ok(())
        } else {
            self.expire().await
        }
    }

    /// Takes the instant of an answer as the model's now.
    ///
    /// The right answer is undefined in one case. If the machine stood still for seconds, the queue
    /// was out of service. Places that had expired may then live again, if the store has not
    /// removed them.
    pub(super) fn arrive(&mut self, now: Timestamp) -> Result<(), Stop> {
        let expired = std::mem::take(&mut self.expired);
        let revived = self.queue().is_some_and(|queue| {
            expired
                .iter()
                .any(|user| queue.place_of(user, now).is_some())
        });
        self.last = now;
        let uncertain = self.queue().is_some_and(|queue| queue.is_uncertain(now));
        if revived || uncertain {
            Err(Stop::Undecided)
        } else {
            Ok(())
        }
    }

    /// Compares an answer, and records the places that have expired now.
    pub(super) fn agree<T: PartialEq + Debug>(
        &mut self,
        expected: &T,
        answer: &T,
    ) -> Result<(), Stop> {
        let now = self.last;
        self.expired = self
            .queue()
            .map_or_else(Vec::new, |queue| queue.expired(now));
        if self.queue().is_some_and(|queue| queue.has_tie()) {
            return Err(Stop::Undecided);
        }
        if expected == answer {
            return Ok(());
        }
        Err(Stop::Wrong(format!(
            "at {now}\n  expected {expected:?}\n  but got  {answer:?}"
        )))
    }

    /// As [`Run::agree`], for a queue that the store does not have.
    pub(super) fn agree_not_seeded(&mut self, answer: &TickOutcome) -> Result<(), Stop> {
        self.agree(&TickOutcome::NotSeeded, answer)
    }

    pub(super) fn queue(&mut self) -> Option<&mut ModelQueue> {
        self.model.queue(self.concert)
    }

    pub(super) fn last(&self) -> Timestamp {
        self.last
    }

    pub(super) fn has_expired(&self) -> bool {
        !self.expired.is_empty()
    }

    /// Returns a ticket that a user has kept, or one that was never given out.
    pub(super) fn ticket_of(&self, user: usize, age: usize) -> Ticket {
        let kept = self.tickets.get(user).and_then(|kept| {
            let newest = kept.len().checked_sub(1 + age)?;
            kept.get(newest).cloned()
        });
        kept.unwrap_or_else(|| Ticket {
            concert: self.concert,
            user: user_id(user),
            arrival: frontrow_domain::model::queue::Arrival::from_micros(1),
            generation: Generation(self.generation),
        })
    }

    /// Keeps the ticket of a place for its user.
    pub(super) fn keep(&mut self, user: usize, ticket: &Ticket) {
        if let Some(kept) = self.tickets.get_mut(user)
            && kept.last() != Some(ticket)
        {
            kept.push(ticket.clone());
        }
    }
}

/// Returns the id of the user of this number.
pub(super) fn user_id(user: usize) -> UserId {
    UserId::try_from(format!("user-{user}").as_str()).expect("a good name")
}
