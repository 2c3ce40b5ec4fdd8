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
            Arrival, GatePurpose, Generation, PolicyVersion, QueueSeed, Recovery, Standing, Ticket,
            VersionedPolicy,
        },
    },
    ports::{
        Clock, GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Queue, QueueSnapshots,
        Stamped, StoreError, StoreResult,
    },
};
use futures_util::{FutureExt, future::BoxFuture};
use jiff::SignedDuration;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    checks::Heard,
    mirror::Mirror,
    steps::{INSTANCES, RECOVERY, Rules, Sequence, Step, USERS},
    time::{SteppingClock, Time},
    truth::MAX_AGE,
};
use crate::QueuePorts;

pub(super) const CONCERT: ConcertId = ConcertId(Uuid::from_u128(0xc2_0001));

/// A look-up that the store has answered, and whose answer is in flight.
struct UnderWay {
    at: usize,
    ticket: Ticket,
    answer: BoxFuture<'static, StoreResult<Stamped<LookUpOutcome>>>,
    arrive: oneshot::Sender<()>,
}

/// Two instances and the store behind them, during a sequence.
pub(super) struct Run<'a> {
    make: &'a dyn Fn(Arc<SteppingClock>) -> QueuePorts,
    /// How many calls were answered from snapshots.
    from_looks: &'a Cell<u32>,
    pub(super) time: Arc<Time>,
    pub(super) store_clock: Arc<SteppingClock>,
    clocks: Vec<Arc<SteppingClock>>,
    /// How much older than its clock says the snapshots of each instance may be, in microseconds. A
    /// step back that is smaller than the time between two readings of a clock cannot be noticed.
    unseen: Vec<i64>,
    pub(super) mirror: Arc<Mirror>,
    instances: Vec<Arc<SnapshotQueue>>,
    /// The answers of the store in flight.
    under_way: Vec<UnderWay>,
    tickets: Vec<Option<Ticket>>,
    rules: Option<Rules>,
    version: i64,
    generation: u64,
    /// The last position of a place that an instance returned.
    pub(super) told: HashMap<(usize, Arrival, Generation), u64>,
    /// The users who have left through an instance.
    left: HashSet<(usize, Arrival)>,
    pub(super) heard: HashMap<UserId, Heard>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        make: &'a dyn Fn(Arc<SteppingClock>) -> QueuePorts,
        from_looks: &'a Cell<u32>,
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
            from_looks,
            instances: clocks.iter().map(instance).collect(),
            under_way: Vec::new(),
            time,
            store_clock,
            clocks,
            unseen: vec![0; INSTANCES],
            mirror,
            tickets: vec![None; USERS],
            rules: None,
            version: 0,
            generation: 1,
            told: HashMap::new(),
            left: HashSet::new(),
            heard: HashMap::new(),
        }
    }

    /// Follows the sequence. Errors if a promise was broken, with its description.
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
        let mut held = self.mirror.held();
        held.model
            .queue(CONCERT)
            .is_some_and(|queue| queue.has_tie())
    }

    async fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Join { at, who } => self.join(*at, *who).await,
            Step::LookUp { at, who } => self.look_up(*at, *who).await,
            Step::SlowLookUp { at, who } => self.look_up_slowly(*at, *who).await,
            Step::Deliver { which } => self.deliver(*which).await,
            Step::Gate { at, who } => self.gate(*at, *who).await,
            Step::Leave { at, who } => self.leave(*at, *who).await,
            Step::Jobs { limit } => self.jobs(*limit).await,
            Step::Change(rules) => self.change(rules, None).await,
            Step::Sale(sale) => {
                let told = self.mirror.set_sale(CONCERT, *sale);
                told.await.map_err(failed)
            }
            Step::Pass { millis } => self.pass(*millis).await,
            Step::Serve { seconds, polls } => {
                for _ in 0..*seconds {
                    self.pass(1_000).await?;
                    self.jobs(0).await?;
                    for (at, who) in polls {
                        self.look_up(*at, *who).await?;
                    }
                    self.check()?;
                }
                Ok(())
            }
            Step::Shift { instance, millis } => self.shift(*instance, *millis).await,
            Step::Lose { recovers } => self.lose(*recovers).await,
        }
    }

    async fn join(&mut self, at: usize, who: usize) -> Result<(), String> {
        let shown = self.tickets[who].clone();
        let told = self.instances[at].join(CONCERT, &user(who), shown).await;
        let Stamped { as_of, value } = told.map_err(failed)?;
        if let JoinOutcome::Joined(place) | JoinOutcome::Held(place) = value {
            self.tickets[who] = Some(place.ticket.clone());
            self.told_of(at, &place, as_of)?;
        }
        Ok(())
    }

    async fn look_up(&mut self, at: usize, who: usize) -> Result<(), String> {
        let Some(ticket) = self.tickets[who].clone() else {
            return Ok(());
        };
        let before = self.mirror.held().look_ups;
        let told = self.instances[at].look_up(&ticket).await;
        self.looked_up(at, who, &ticket, before, told)
    }

    /// If the store is called, its answer stays in flight until it is delivered.
    async fn look_up_slowly(&mut self, at: usize, who: usize) -> Result<(), String> {
        let Some(ticket) = self.tickets[who].clone() else {
            return Ok(());
        };
        let before = self.mirror.held().look_ups;
        let (answered, arrive) = self.mirror.delay_answer();
        let (instance, asked) = (Arc::clone(&self.instances[at]), ticket.clone());
        let mut answer = async move { instance.look_up(&asked).await }.boxed();
        let found = tokio::select! {
            told = &mut answer => Err(told),
            Ok(found) = answered => Ok(found),
        };
        self.mirror.hurry();
        match found {
            Err(told) => return self.looked_up(at, who, &ticket, before, told),
            Ok(true) => {
                let now = self.store_clock.peek();
                self.note_heartbeat(&ticket.user, now);
            }
            Ok(false) => {}
        }
        self.under_way.push(UnderWay {
            at,
            ticket,
            answer,
            arrive,
        });
        Ok(())
    }

    /// Delivers one of the answers in flight. It was requested long ago, so it may have anything
    /// that was true since. Answers after it may not.
    async fn deliver(&mut self, which: usize) -> Result<(), String> {
        if self.under_way.is_empty() {
            return Ok(());
        }
        let number = which % self.under_way.len();
        let UnderWay {
            at,
            ticket,
            answer,
            arrive,
        } = self.under_way.swap_remove(number);
        arrive
            .send(())
            .map_err(|()| "no call waits for an answer")?;
        let told = answer.await.map_err(failed)?;
        if let LookUpOutcome::Found(place) = told.value
            && let Standing::Waiting { position, .. } = place.standing
        {
            let key = (at, ticket.arrival, place.ticket.generation);
            let told = self.told.get(&key).copied();
            // After a re-entry there is no entry: nothing is promised about positions then.
            if let Some(before) = told {
                self.told.insert(key, before.min(position));
            }
        }
        Ok(())
    }

    async fn deliver_all(&mut self) -> Result<(), String> {
        while !self.under_way.is_empty() {
            self.deliver(0).await?;
        }
        Ok(())
    }

    /// Checks the answer to a look-up. `before` is how many look-ups had been made to the store.
    fn looked_up(
        &mut self,
        at: usize,
        who: usize,
        ticket: &Ticket,
        before: u32,
        told: StoreResult<Stamped<LookUpOutcome>>,
    ) -> Result<(), String> {
        let asked_the_store = self.mirror.held().look_ups > before;
        let Stamped { as_of, value } = told.map_err(failed)?;
        let LookUpOutcome::Found(place) = value else {
            return Ok(());
        };
        if !asked_the_store {
            self.from_looks.set(self.from_looks.get() + 1);
            let passed = self.time.passed();
            let max_age = MAX_AGE + self.unseen[at];
            let history = &self.mirror.held().history;
            let wrong = history.contradicts(&place, as_of, passed, max_age);
            if let Some(why) = wrong {
                return Err(format!("{why}\n  but as of {as_of} got {place:?}"));
            }
        }
        if self.left.contains(&(at, ticket.arrival)) {
            return Err(format!("{} has left, but got {place:?}", ticket.user));
        }
        self.tickets[who] = Some(place.ticket.clone());
        self.told_of(at, &place, as_of)
    }

    async fn gate(&mut self, at: usize, who: usize) -> Result<(), String> {
        let Some(ticket) = self.tickets[who].clone() else {
            return Ok(());
        };
        let told = self.instances[at].pass_gate(&ticket, GatePurpose::Browse);
        let Stamped { as_of, value } = told.await.map_err(failed)?;
        match value {
            GateOutcome::Waiting(place) => self.told_of(at, &place, as_of),
            GateOutcome::Passed(_) | GateOutcome::Gone | GateOutcome::NotSeeded => Ok(()),
        }
    }

    async fn leave(&mut self, at: usize, who: usize) -> Result<(), String> {
        let Some(ticket) = self.tickets[who].clone() else {
            return Ok(());
        };
        let told = self.instances[at].leave(&ticket).await.map_err(failed)?;
        if told.value == LeaveOutcome::Left {
            self.left.insert((at, ticket.arrival));
        }
        Ok(())
    }

    /// The jobs of all instances: one of them is the first to tick.
    async fn jobs(&mut self, limit: u32) -> Result<(), String> {
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
        self.tidy_up().await?;
        self.mirror.seed(&seed).await.map(drop).map_err(failed)
    }

    async fn pass(&mut self, millis: i64) -> Result<(), String> {
        self.tidy_up().await?;
        self.time.pass(millis * 1_000);
        self.check()
    }

    async fn shift(&mut self, instance: Option<usize>, millis: i64) -> Result<(), String> {
        if let Some(number) = instance {
            self.clocks[number].step(millis * 1_000);
            self.unseen[number] += (-millis * 1_000).max(0);
            return Ok(());
        }
        let by = SignedDuration::from_millis(millis);
        if !self.would_begin_again(by) {
            // Until its next snapshot, an instance cannot know by which of the two clocks an answer
            // in flight is stamped.
            self.deliver_all().await?;
            self.tidy_up().await?;
            self.store_clock.step(millis * 1_000);
            self.forget_when();
        }
        Ok(())
    }

    /// Returns true if a step back would restart a recovery that is already over. A store may
    /// forget it once it is over.
    fn would_begin_again(&self, by: SignedDuration) -> bool {
        let now = self.store_clock.peek();
        let mut held = self.mirror.held();
        let coming_back = held
            .model
            .queue(CONCERT)
            .and_then(|queue| queue.coming_back);
        coming_back.is_some_and(|coming_back| {
            [
                coming_back.nobody_admitted_until,
                coming_back.places_given_back_until,
            ]
            .iter()
            .any(|end| (now + by..=now).contains(end))
        })
    }

    async fn lose(&mut self, recovers: bool) -> Result<(), String> {
        self.mirror
            .replace((self.make)(Arc::clone(&self.store_clock)));
        self.generation += 1;
        self.told.clear();
        self.left.clear();
        self.forget_when();
        let how = recovers.then_some(Recovery::lasting(RECOVERY));
        match self.rules.clone() {
            Some(rules) => self.change(&rules, how).await,
            None => Ok(()),
        }
    }

    /// From here on the age of heartbeats is not checked.
    fn forget_when(&mut self) {
        for heard in self.heard.values_mut() {
            heard.passed = None;
        }
    }

    /// Removes expired places before time passes in which they might live again. A store may have
    /// removed them, or not.
    async fn tidy_up(&self) -> Result<(), String> {
        let now = self.store_clock.peek();
        let mut over = Vec::new();
        if let Some(queue) = self.mirror.held().model.queue(CONCERT) {
            over = queue.over(now);
        }
        if over.is_empty() {
            return Ok(());
        }
        self.mirror.expire(CONCERT).await.map_err(failed)
    }
}

fn user(who: usize) -> UserId {
    UserId::try_from(format!("user-{who}").as_str()).expect("a good name")
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn failed(error: StoreError) -> String {
    format!("the store failed: {error}")
}
