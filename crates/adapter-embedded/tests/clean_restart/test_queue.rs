//! A queue on a clock that stands still until a test moves it.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use frontrow_adapter_embedded::{MemoryQueue, QueueImageFile};
use frontrow_domain::{
    model::{
        ConcertId, DatabaseId, ImageStamp, StopNumber, UserId,
        queue::{
            Arrival, Capacity, DepartureCursor, GatePurpose, Generation, Heartbeat, LineSnapshot,
            Place, PolicyVersion, QueuePolicy, QueueSeed, Recovery, SaleCount, SaleState, Standing,
            Ticket, VersionedPolicy,
        },
    },
    ports::{
        Clock, GateOutcome, JoinOutcome, LookUpOutcome, Queue, QueueControl, QueueImage,
        QueueSnapshots, QueueTicks, SnapshotOutcome, TickOutcome,
    },
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub(crate) const CONCERT: ConcertId = ConcertId(Uuid::from_u128(1));
pub(crate) const STAMP: ImageStamp = ImageStamp {
    database: DatabaseId(1),
    stop: StopNumber(2),
};

/// The instant at which every test queue begins, in seconds.
const BEGINNING: i64 = 1_000_000;

/// A clock that stands still, as microseconds since 1970.
#[derive(Debug)]
pub(crate) struct StandingClock(AtomicI64);

impl StandingClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(BEGINNING * 1_000_000)))
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// A step of a history.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Join(u8),
    /// Joins with the last ticket.
    Return(u8),
    /// Looks up with a ticket from before a loss.
    Reenter(u8),
    LookUp(u8),
    Gate(u8),
    Hold(u8),
    Leave(u8),
    Heartbeat(u8, u8),
    Admit(u8),
    Expire(u8),
    Look,
    Capacity(u8),
    Sale(SaleState),
    Pass(u8),
}

/// A queue with its users' tickets. `later` is the time by which its clock is ahead of that of a
/// queue that was never out of service.
pub(crate) struct TestQueue {
    pub(crate) clock: Arc<StandingClock>,
    queue: Arc<MemoryQueue>,
    tickets: Mutex<HashMap<u8, Ticket>>,
    mark: Mutex<Option<DepartureCursor>>,
    later: SignedDuration,
    stopped_at: Option<Timestamp>,
    version: AtomicI64,
}

pub(crate) fn user(number: u8) -> UserId {
    UserId::try_from(format!("user-{number}").as_str()).unwrap()
}

pub(crate) fn seed(version: i64, max_active: u8, recovery: Option<Recovery>) -> QueueSeed {
    QueueSeed {
        concert: CONCERT,
        policy: VersionedPolicy {
            policy: QueuePolicy {
                throughput: None,
                capacity: Some(Capacity {
                    max_active: max_active.into(),
                }),
                waiting_ttl: Duration::from_secs(90),
                claim_ttl: Duration::from_secs(30),
                active_ttl: Duration::from_mins(1),
                absent_after: Some(Duration::from_secs(20)),
                ..QueuePolicy::default()
            },
            version: PolicyVersion(version),
        },
        generation: Generation(7),
        recovery,
    }
}

impl TestQueue {
    pub(crate) async fn begin(recovers: bool) -> Self {
        let clock = StandingClock::new();
        let queue = Arc::new(MemoryQueue::new(clock.clone()));
        let lasts = Duration::from_secs(10);
        let recovery = recovers.then_some(Recovery::lasting(lasts));
        queue.seed(&seed(1, 2, recovery)).await.unwrap();
        Self {
            clock,
            queue,
            tickets: Mutex::default(),
            mark: Mutex::default(),
            later: SignedDuration::ZERO,
            stopped_at: None,
            version: AtomicI64::new(1),
        }
    }

    /// Stops in good order, and starts again after `downtime`.
    pub(crate) async fn restart(&mut self, folder: &Path, downtime: SignedDuration) {
        let path = folder.join("queues");
        let stopping = QueueImageFile::new(&path, Arc::clone(&self.queue));
        stopping.write(STAMP).await.unwrap();
        self.stopped_at = Some(self.clock.now());
        self.clock.advance(downtime);
        self.later += downtime;
        self.queue = Arc::new(MemoryQueue::new(self.clock.clone()));
        let starting = QueueImageFile::new(&path, Arc::clone(&self.queue));
        assert_eq!(starting.load().await, Ok(Some(STAMP)));
        starting.install().await;
        starting.remove().await.unwrap();
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
    }

    /// Executes the step and returns the answer. Its instants are moved back by the downtime, so
    /// that the answers with and without a restart can be compared.
    pub(crate) async fn run(&self, step: &Step) -> String {
        match *step {
            Step::Join(number) => self.join(number, None).await,
            Step::Return(number) => self.join(number, self.ticket(number)).await,
            Step::Reenter(number) => {
                let ticket = Ticket {
                    concert: CONCERT,
                    user: user(number),
                    arrival: Arrival::from_micros(BEGINNING * 1_000_000 - i64::from(number)),
                    generation: Generation(6),
                };
                self.look_up(number, &ticket).await
            }
            Step::LookUp(number) => match self.ticket(number) {
                Some(ticket) => self.look_up(number, &ticket).await,
                None => String::new(),
            },
            Step::Gate(number) => self.gate(number, GatePurpose::Browse).await,
            Step::Hold(number) => {
                let hold_for = Duration::from_secs(40);
                self.gate(number, GatePurpose::Hold { hold_for }).await
            }
            Step::Leave(number) => match self.ticket(number) {
                Some(ticket) => format!("{:?}", self.queue.leave(&ticket).await.unwrap().value),
                None => String::new(),
            },
            Step::Heartbeat(number, seconds) => {
                let Some(ticket) = self.ticket(number) else {
                    return String::new();
                };
                let heartbeat = Heartbeat {
                    user: ticket.user,
                    arrival: ticket.arrival,
                    at: self.clock.now() - SignedDuration::from_secs(seconds.into()),
                };
                let recorded = self.queue.record_heartbeats(CONCERT, &[heartbeat]).await;
                let found = recorded.unwrap().remove(0).value;
                self.found(number, found)
            }
            Step::Admit(limit) => {
                report(self.queue.admit(CONCERT, limit.into()).await.unwrap().value)
            }
            Step::Expire(limit) => report(
                self.queue
                    .expire(CONCERT, limit.into())
                    .await
                    .unwrap()
                    .value,
            ),
            Step::Look => self.snapshot().await,
            Step::Capacity(max_active) => {
                let version = self.version.fetch_add(1, Ordering::Relaxed) + 1;
                let seed = seed(version, max_active, None);
                format!("{:?}", self.queue.seed(&seed).await.unwrap().value)
            }
            Step::Sale(sale) => {
                let counted_at = self.clock.now();
                let count = SaleCount { sale, counted_at };
                self.queue.set_sale(CONCERT, count).await.unwrap();
                String::new()
            }
            Step::Pass(seconds) => {
                self.clock
                    .advance(SignedDuration::from_secs(seconds.into()));
                String::new()
            }
        }
    }

    /// Returns the answers that all users and operators can get.
    pub(crate) async fn all(&self, users: u8) -> Vec<String> {
        let mut all = vec![self.snapshot().await];
        for number in 0..users {
            all.push(self.run(&Step::LookUp(number)).await);
        }
        let version = self.queue.policy_version(CONCERT).await;
        all.push(format!("{version:?}"));
        all.push(format!("{:?}", self.queue.is_empty(CONCERT).await));
        all.push(format!("{:?}", self.queue.busy().await));
        all
    }

    fn ticket(&self, number: u8) -> Option<Ticket> {
        let tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.get(&number).cloned()
    }

    async fn join(&self, number: u8, shown: Option<Ticket>) -> String {
        let joined = self.queue.join(CONCERT, &user(number), shown).await;
        match joined.unwrap().value {
            JoinOutcome::Joined(place) => format!("joined {}", self.seen(number, place)),
            JoinOutcome::Held(place) => format!("held {}", self.seen(number, place)),
            other => format!("{other:?}"),
        }
    }

    async fn look_up(&self, number: u8, ticket: &Ticket) -> String {
        self.found(number, self.queue.look_up(ticket).await.unwrap().value)
    }

    fn found(&self, number: u8, found: LookUpOutcome) -> String {
        match found {
            LookUpOutcome::Found(place) => self.seen(number, place),
            other => format!("{other:?}"),
        }
    }

    async fn gate(&self, number: u8, purpose: GatePurpose) -> String {
        let Some(ticket) = self.ticket(number) else {
            return String::new();
        };
        match self.queue.pass_gate(&ticket, purpose).await.unwrap().value {
            GateOutcome::Passed(place) => format!("passed {}", self.seen(number, place)),
            GateOutcome::Waiting(place) => format!("waiting {}", self.seen(number, place)),
            other => format!("{other:?}"),
        }
    }

    async fn snapshot(&self) -> String {
        let since = *self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.queue.snapshot(CONCERT, since).await.unwrap().value;
        let SnapshotOutcome::Seen(line) = seen else {
            return format!("{seen:?}");
        };
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = Some(line.mark);
        let left = format!("{:?}", line.left).len();
        let line = LineSnapshot {
            reentry_until: line.reentry_until.map(|until| until - self.later),
            admitted_up_to: line
                .admitted_up_to
                .map(|arrival| self.without_restart(arrival)),
            left: frontrow_domain::model::queue::Departures::Unknown,
            ..line
        };
        format!("{line:?} {left}")
    }

    fn seen(&self, number: u8, place: Place) -> String {
        let Place {
            ticket,
            standing,
            queue,
        } = place;
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.insert(number, ticket.clone());
        let ticket = Ticket {
            arrival: self.without_restart(ticket.arrival),
            ..ticket
        };
        let standing = match standing {
            Standing::Active {
                admitted_at,
                until,
                claimed,
            } => Standing::Active {
                admitted_at: admitted_at - self.later,
                until: until - self.later,
                claimed,
            },
            waiting @ Standing::Waiting { .. } => waiting,
        };
        format!("{ticket:?} {standing:?} {queue:?}")
    }

    /// Returns the arrival in a queue without a restart.
    fn without_restart(&self, arrival: Arrival) -> Arrival {
        let later = self
            .stopped_at
            .is_some_and(|stop| arrival.at() > stop + self.later);
        let by = if later {
            self.later
        } else {
            SignedDuration::ZERO
        };
        Arrival::from_micros(arrival.micros() - i64::try_from(by.as_micros()).unwrap())
    }
}

fn report(outcome: TickOutcome) -> String {
    format!("{outcome:?}")
}
