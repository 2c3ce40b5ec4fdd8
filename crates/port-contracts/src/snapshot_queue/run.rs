//! One sequence, and the checks of every answer in it.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use frontrow_domain::{
    decorators::SnapshotQueue,
    model::{
        ConcertId, UserId,
        queue::{
            Arrival, GatePurpose, Generation, PolicyVersion, QueueSeed, Recovery, Ticket,
            VersionedPolicy,
        },
    },
    ports::{
        Clock, GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Queue, QueueSnapshots,
        Stamped, StoreError, StoreResult,
    },
};
use jiff::SignedDuration;
use uuid::Uuid;

use super::{
    checks::LastHeartbeat,
    history::MAX_AGE,
    late_answers::InFlight,
    mirror::Mirror,
    steps::{INSTANCES, RECOVERY, Rules, Sequence, Step, USERS},
    time::{SteppingClock, Time},
};
use crate::QueuePorts;

pub(super) const CONCERT: ConcertId = ConcertId(Uuid::from_u128(0xc2_0001));

/// Two instances and the store behind them, during a sequence.
pub(super) struct Run<'a> {
    make: &'a dyn Fn(Arc<SteppingClock>) -> QueuePorts,
    /// How many calls were answered from snapshots.
    from_snapshots: &'a Cell<u32>,
    pub(super) time: Arc<Time>,
    pub(super) store_clock: Arc<SteppingClock>,
    clocks: Vec<Arc<SteppingClock>>,
    /// How much older than its clock says the snapshots of each instance may be, in microseconds. A
    /// step back that is smaller than the time between two readings of a clock cannot be noticed.
    undetected_steps: Vec<i64>,
    pub(super) mirror: Arc<Mirror>,
    pub(super) instances: Vec<Arc<SnapshotQueue>>,
    /// The answers of the store in flight.
    pub(super) in_flight: Vec<InFlight>,
    pub(super) tickets: Vec<Option<Ticket>>,
    rules: Option<Rules>,
    version: i64,
    generation: u64,
    /// The last position of a place that an instance returned.
    pub(super) last_positions: HashMap<(usize, Arrival, Generation), u64>,
    /// The users who have left through an instance.
    left: HashSet<(usize, Arrival)>,
    pub(super) last_heartbeats: HashMap<UserId, LastHeartbeat>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        make: &'a dyn Fn(Arc<SteppingClock>) -> QueuePorts,
        from_snapshots: &'a Cell<u32>,
    ) -> Self {
        let time = Arc::new(Time::default());
        let clock = || Arc::new(SteppingClock::new(&time));
        let store_clock = clock();
        let mirror = Mirror::new(make(Arc::clone(&store_clock)), Arc::clone(&time));
        let mirror = Arc::new(mirror);
        let clocks: Vec<_> = (0..INSTANCES).map(|_| clock()).collect();
        let instance = |clock: &Arc<SteppingClock>| {
            let queue: Arc<dyn Queue> = mirror.clone();
            let line: Arc<dyn QueueSnapshots> = mirror.clone();
            let clock: Arc<dyn Clock> = clock.clone();
            let longest_poll = Duration::from_secs(15);
            Arc::new(SnapshotQueue::new(
                queue,
                line,
                clock,
                USERS - 1,
                longest_poll,
            ))
        };
        Self {
            make,
            from_snapshots,
            instances: clocks.iter().map(instance).collect(),
            in_flight: Vec::new(),
            time,
            store_clock,
            clocks,
            undetected_steps: vec![0; INSTANCES],
            mirror,
            tickets: vec![None; USERS],
            rules: None,
            version: 0,
            generation: 1,
            last_positions: HashMap::new(),
            left: HashSet::new(),
            last_heartbeats: HashMap::new(),
        }
    }

    /// Follows the sequence. Errors with a description if a promise is broken.
    pub(super) async fn follow(mut self, sequence: &Sequence) -> Result<(), String> {
        self.change(&sequence.start, None).await?;
        for (number, step) in (1..).zip(&sequence.steps) {
            if self.is_undecided() {
                return Ok(());
            }
            let taken = self.take(step).await;
            let checked = taken.and_then(|()| self.check());
            checked.map_err(|why| format!("step {number}: {why}"))?;
        }
        Ok(())
    }

    /// Returns true if two places of different generations have the same arrival: their order is
    /// undefined.
    fn is_undecided(&self) -> bool {
        let mut state = self.mirror.state();
        state
            .model
            .queue(CONCERT)
            .is_some_and(|queue| queue.has_tie())
    }

    async fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Join { at, user } => self.join(*at, *user).await,
            Step::LookUp { at, user } => self.look_up(*at, *user).await,
            Step::SlowLookUp { at, user } => self.look_up_slowly(*at, *user).await,
            Step::Deliver { which } => self.deliver(*which).await,
            Step::Gate { at, user } => self.gate(*at, *user).await,
            Step::Leave { at, user } => self.leave(*at, *user).await,
            Step::Jobs { limit } => self.run_jobs(*limit).await,
            Step::Change(rules) => self.change(rules, None).await,
            Step::Sale(sale) => {
                let answer = self.mirror.set_sale(CONCERT, *sale);
                answer.await.map_err(failed)
            }
            Step::Pass { millis } => self.pass(*millis).await,
            Step::Serve { seconds, polls } => {
                for _ in 0..*seconds {
                    self.pass(1_000).await?;
                    self.run_jobs(0).await?;
                    for (at, user) in polls {
                        self.look_up(*at, *user).await?;
                    }
                    self.check()?;
                }
                Ok(())
            }
            Step::Shift { instance, millis } => self.shift(*instance, *millis).await,
            Step::Lose { recovers } => self.lose(*recovers).await,
        }
    }

    async fn join(&mut self, at: usize, user: usize) -> Result<(), String> {
        let shown = self.tickets[user].clone();
        let answer = self.instances[at]
            .join(CONCERT, &user_id(user), shown)
            .await;
        let Stamped { as_of, value } = answer.map_err(failed)?;
        if let JoinOutcome::Joined(place) | JoinOutcome::Held(place) = value {
            self.tickets[user] = Some(place.ticket.clone());
            self.record_position(at, &place, as_of)?;
        }
        Ok(())
    }

    async fn look_up(&mut self, at: usize, user: usize) -> Result<(), String> {
        let Some(ticket) = self.tickets[user].clone() else {
            return Ok(());
        };
        let before = self.mirror.state().look_ups;
        let answer = self.instances[at].look_up(&ticket).await;
        self.check_look_up(at, user, &ticket, before, answer)
    }

    /// Checks the answer to a look-up. `before` is how many look-ups had been made to the store.
    pub(super) fn check_look_up(
        &mut self,
        at: usize,
        user: usize,
        ticket: &Ticket,
        before: u32,
        answer: StoreResult<Stamped<LookUpOutcome>>,
    ) -> Result<(), String> {
        let called_the_store = self.mirror.state().look_ups > before;
        let Stamped { as_of, value } = answer.map_err(failed)?;
        let LookUpOutcome::Found(place) = value else {
            return Ok(());
        };
        if !called_the_store {
            self.from_snapshots.set(self.from_snapshots.get() + 1);
            let passed = self.time.passed();
            let max_age = MAX_AGE + self.undetected_steps[at];
            let history = &self.mirror.state().history;
            let wrong = history.contradicts(&place, as_of, passed, max_age);
            if let Some(why) = wrong {
                return Err(format!("{why}\n  but as of {as_of} got {place:?}"));
            }
        }
        if self.left.contains(&(at, ticket.arrival)) {
            return Err(format!("{} has left, but got {place:?}", ticket.user));
        }
        self.tickets[user] = Some(place.ticket.clone());
        self.record_position(at, &place, as_of)
    }

    async fn gate(&mut self, at: usize, user: usize) -> Result<(), String> {
        let Some(ticket) = self.tickets[user].clone() else {
            return Ok(());
        };
        let answer = self.instances[at].pass_gate(&ticket, GatePurpose::Browse);
        let Stamped { as_of, value } = answer.await.map_err(failed)?;
        match value {
            GateOutcome::Waiting(place) => self.record_position(at, &place, as_of),
            GateOutcome::Passed(_) | GateOutcome::Gone | GateOutcome::NotSeeded => Ok(()),
        }
    }

    async fn leave(&mut self, at: usize, user: usize) -> Result<(), String> {
        let Some(ticket) = self.tickets[user].clone() else {
            return Ok(());
        };
        let answer = self.instances[at].leave(&ticket).await.map_err(failed)?;
        if answer.value == LeaveOutcome::Left {
            self.left.insert((at, ticket.arrival));
        }
        Ok(())
    }

    /// Runs the jobs of all instances. One of them is the first to tick.
    async fn run_jobs(&mut self, limit: u32) -> Result<(), String> {
        for instance in &self.instances {
            instance.flush_heartbeats().await.map_err(failed)?;
        }
        self.mirror.expire(CONCERT).await.map_err(failed)?;
        self.mirror.admit(CONCERT, limit).await.map_err(failed)
    }

    async fn change(&mut self, rules: &Rules, recovery: Option<Recovery>) -> Result<(), String> {
        self.version += 1;
        self.rules = Some(rules.clone());
        let seed = QueueSeed {
            concert: CONCERT,
            policy: VersionedPolicy {
                policy: rules.policy(),
                version: PolicyVersion(self.version),
            },
            generation: Generation(self.generation),
            recovery,
        };
        self.remove_expired().await?;
        self.mirror.seed(&seed).await.map(drop).map_err(failed)
    }

    async fn pass(&mut self, millis: i64) -> Result<(), String> {
        self.remove_expired().await?;
        self.time.pass(millis * 1_000);
        self.check()
    }

    async fn shift(&mut self, instance: Option<usize>, millis: i64) -> Result<(), String> {
        if let Some(number) = instance {
            self.clocks[number].step(millis * 1_000);
            self.undetected_steps[number] += (-millis * 1_000).max(0);
            return Ok(());
        }
        let by = SignedDuration::from_millis(millis);
        if !self.would_restart_reentry(by) {
            // Until its next snapshot, an instance cannot know by which of the two clocks an answer
            // in flight is stamped.
            self.deliver_all().await?;
            self.remove_expired().await?;
            self.store_clock.step(millis * 1_000);
            self.forget_heartbeat_ages();
        }
        Ok(())
    }

    /// Returns true if a step back would restart a recovery or a re-entry that is already over. A
    /// store may forget it once it is over.
    fn would_restart_reentry(&self, by: SignedDuration) -> bool {
        let now = self.store_clock.peek();
        let mut state = self.mirror.state();
        let reentry = state.model.queue(CONCERT).and_then(|queue| queue.reentry);
        reentry.is_some_and(|reentry| {
            [reentry.recovery_ends_at, reentry.ends_at]
                .iter()
                .any(|end| (now + by..=now).contains(end))
        })
    }

    async fn lose(&mut self, recovers: bool) -> Result<(), String> {
        self.mirror
            .replace((self.make)(Arc::clone(&self.store_clock)));
        self.generation += 1;
        self.last_positions.clear();
        self.left.clear();
        self.forget_heartbeat_ages();
        let how = recovers.then_some(Recovery::lasting(RECOVERY));
        match self.rules.clone() {
            Some(rules) => self.change(&rules, how).await,
            None => Ok(()),
        }
    }

    /// Stops checking the age of the heartbeats so far.
    fn forget_heartbeat_ages(&mut self) {
        for last in self.last_heartbeats.values_mut() {
            last.passed = None;
        }
    }

    /// Removes expired places before time passes in which they might live again. A store may have
    /// removed them, or not.
    async fn remove_expired(&self) -> Result<(), String> {
        let now = self.store_clock.peek();
        let mut expired = Vec::new();
        if let Some(queue) = self.mirror.state().model.queue(CONCERT) {
            expired = queue.expired(now);
        }
        if expired.is_empty() {
            return Ok(());
        }
        self.mirror.expire(CONCERT).await.map_err(failed)
    }
}

fn user_id(user: usize) -> UserId {
    UserId::try_from(format!("user-{user}").as_str()).expect("a good name")
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
pub(super) fn failed(error: StoreError) -> String {
    format!("the store failed: {error}")
}
