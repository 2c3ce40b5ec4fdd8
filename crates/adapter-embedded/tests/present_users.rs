//! A user who polls as advised, or sends heartbeats at the intervals of the line status, never
//! counts as absent.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints allow these in test functions, but not in their helpers"
)]

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use frontrow_adapter_embedded::MemoryQueue;
use frontrow_domain::{
    decorators::SnapshotQueue,
    model::{
        ConcertId, UserId,
        queue::{
            Arrival, Capacity, Generation, HeartbeatPauses, LineAdvice, LineFollower, LineSnapshot,
            LineStatus, Place, PolicyVersion, PollRange, QueuePolicy, QueueSeed, Standing,
            Throughput, Ticket, VersionedPolicy,
        },
    },
    ports::{
        Clock, JoinOutcome, LookUpOutcome, Queue, QueueControl, QueueSnapshots, QueueTicks,
        SnapshotOutcome, Stamped, TickOutcome, TickReport,
    },
    read_models::QueueStatuses,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

const CONCERT: ConcertId = ConcertId(Uuid::from_u128(1));
const START_S: i64 = 1_800_000_000;
const USERS: usize = 4_000;
const STEP: Duration = Duration::from_millis(250);

struct SetClock(RwLock<Timestamp>);

impl SetClock {
    fn advance(&self, by: Duration) {
        let mut now = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *now += SignedDuration::try_from(by).unwrap();
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instance of the service.
struct Instance {
    snapshot_queue: SnapshotQueue,
    statuses: QueueStatuses,
}

/// The way in which a user keeps their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Polls,
    /// Reads the line status each second and sends heartbeats.
    Follows,
}

/// A waiting user.
struct User {
    ticket: Ticket,
    follower: LineFollower,
    /// The instants of the last and of the next look-up at the origin.
    looked_up_at: Timestamp,
    due_at: Timestamp,
    look_ups: usize,
}

struct Sale {
    clock: Arc<SetClock>,
    queue: Arc<MemoryQueue>,
    instances: Vec<Instance>,
    client: Client,
    /// The number of users, of ten, who close the page at once.
    silent: usize,
    present: Vec<User>,
    /// The arrivals of all users who did not close the page.
    arrivals: Vec<i64>,
}

impl Sale {
    async fn open(policy: QueuePolicy, silent: usize, instances: usize, client: Client) -> Self {
        let start = Timestamp::constant(START_S, 0);
        let clock = Arc::new(SetClock(RwLock::new(start)));
        let queue = Arc::new(MemoryQueue::new(clock.clone()));
        let policy = VersionedPolicy {
            policy,
            version: PolicyVersion(1),
        };
        let poll = PollRange::default();
        let instances = (0..instances).map(|_| {
            let statuses = QueueStatuses::new(poll);
            statuses.note_policy(CONCERT, &policy);
            let (most, longest) = (SnapshotQueue::MOST_USERS, poll.longest);
            let snapshot_queue =
                SnapshotQueue::new(queue.clone(), queue.clone(), clock.clone(), most, longest);
            Instance {
                snapshot_queue,
                statuses,
            }
        });
        let mut sale = Self {
            instances: instances.collect(),
            clock,
            queue,
            client,
            silent,
            present: Vec::new(),
            arrivals: Vec::new(),
        };
        let seed = QueueSeed {
            concert: CONCERT,
            policy,
            generation: Generation(7),
            recovery: None,
        };
        sale.queue.seed(&seed).await.unwrap();
        for number in 0..USERS {
            sale.join(number).await;
        }
        sale
    }

    async fn join(&mut self, number: usize) {
        let user = UserId::try_from(format!("user-{number}").as_str()).unwrap();
        let joined = self.queue.join(CONCERT, &user, None).await.unwrap();
        let JoinOutcome::Joined(place) = joined.value else {
            panic!("{user} is refused");
        };
        if let Some(ordinal) = ordinal(&place)
            && number % 10 >= self.silent
        {
            let ticket = place.ticket;
            self.arrivals.push(ticket.arrival.micros());
            let follower =
                LineFollower::new(ticket.arrival, ticket.generation, ordinal, joined.as_of);
            self.present.push(User {
                ticket,
                follower,
                looked_up_at: joined.as_of,
                due_at: joined.as_of,
                look_ups: number,
            });
        }
    }

    async fn line(&self) -> Stamped<LineSnapshot> {
        let looked = self.queue.snapshot(CONCERT, None).await.unwrap();
        looked.map(|seen| match seen {
            SnapshotOutcome::Seen(line) => line,
            SnapshotOutcome::NotSeeded => panic!("the store has the queue"),
        })
    }

    /// Runs the jobs of each instance, as the program does once a second.
    async fn tick(&self) -> TickReport {
        let mut last = None;
        for instance in &self.instances {
            let tick = self.queue.admit(CONCERT, 500).await.unwrap();
            let TickOutcome::Ticked(report) = tick.value else {
                panic!("the store has the queue");
            };
            let as_of = tick.as_of;
            let value = report;
            instance
                .statuses
                .note_tick(CONCERT, &Stamped { as_of, value });
            self.queue.expire(CONCERT, 500).await.unwrap();
            instance.snapshot_queue.flush_heartbeats().await.unwrap();
            last = Some(report);
        }
        last.unwrap()
    }

    /// Lets each user who is due look up their place. Removes users whose place is active.
    async fn look_up_due(&mut self) {
        let now = self.clock.now();
        let line = self.line().await;
        let status = LineStatus::of(&line.value, line.as_of, None, None);
        let mut waiting = Vec::new();
        for mut user in std::mem::take(&mut self.present) {
            let due = match self.client {
                Client::Polls => user.due_at <= now,
                Client::Follows => is_due(&mut user, &status, now),
            };
            if !due || self.look_up(&mut user).await {
                waiting.push(user);
            }
        }
        self.present = waiting;
    }

    /// Looks up the place of a user. Returns true if the user still waits.
    async fn look_up(&self, user: &mut User) -> bool {
        // Another instance each time, in an irregular order.
        let number = user.look_ups.wrapping_mul(0x9e37) >> 3;
        let instance = &self.instances[number % self.instances.len()];
        user.look_ups += 1;
        let found = instance.snapshot_queue.look_up(&user.ticket).await.unwrap();
        let LookUpOutcome::Found(place) = found.value else {
            panic!("{} has lost the place", user.ticket.user);
        };
        let Some(ordinal) = ordinal(&place) else {
            return false;
        };
        user.follower
            .note(place.ticket.generation, ordinal, found.as_of);
        let (as_of, value) = (found.as_of, place);
        let report = instance
            .statuses
            .report(String::new(), Stamped { as_of, value });
        user.looked_up_at = self.clock.now();
        let pause = report.poll_after.unwrap();
        user.due_at = user.looked_up_at + SignedDuration::try_from(pause).unwrap();
        true
    }

    /// Runs until every present user was admitted. During an `outage` no job runs and no user looks
    /// up their place.
    async fn run(mut self, outage: Option<Duration>) {
        let mut steps = 0_u32;
        while !self.present.is_empty() {
            assert!(steps < 10_000, "{} users wait for ever", self.present.len());
            if steps == 200
                && let Some(outage) = outage
            {
                self.clock.advance(outage);
            }
            if steps.is_multiple_of(4) {
                let report = self.tick().await;
                let passed = self.line().await.value.admitted_up_to;
                let passed = passed.map_or(i64::MIN, Arrival::micros);
                let reached = self.arrivals.iter().filter(|arrival| **arrival <= passed);
                let reached = reached.count() as u64;
                assert!(
                    report.admitted >= reached,
                    "{} users were passed over at step {steps}",
                    reached - report.admitted
                );
            }
            self.look_up_due().await;
            self.clock.advance(STEP);
            steps += 1;
        }
    }
}

/// Returns true if a user who follows the line looks up their place at the origin now.
fn is_due(user: &mut User, status: &LineStatus, now: Timestamp) -> bool {
    let pauses: HeartbeatPauses = status.heartbeat_after;
    match user.follower.read(status, Duration::ZERO) {
        LineAdvice::Wait { position } => {
            now.duration_since(user.looked_up_at).unsigned_abs() >= pauses.at(position)
        }
        LineAdvice::Turn | LineAdvice::AskOrigin => user.due_at <= now,
    }
}

fn ordinal(place: &Place) -> Option<u64> {
    match place.standing {
        Standing::Waiting {
            position, admitted, ..
        } => Some(position + admitted),
        Standing::Active { .. } => None,
    }
}

/// Returns a policy that admits 8 users a second, so the last users wait for some minutes.
fn by_rate() -> QueuePolicy {
    QueuePolicy {
        throughput: Some(Throughput {
            admit: 8,
            interval: Duration::from_secs(1),
        }),
        ..QueuePolicy::default()
    }
}

/// Returns a policy with 640 active places. Each lasts a minute, because no user claims theirs.
fn by_capacity() -> QueuePolicy {
    QueuePolicy {
        throughput: None,
        capacity: Some(Capacity { max_active: 640 }),
        claim_ttl: Duration::from_mins(1),
        ..QueuePolicy::default()
    }
}

/// Returns a policy under which the places of silent users stay for an hour.
fn long_silence() -> QueuePolicy {
    QueuePolicy {
        waiting_ttl: Duration::from_hours(1),
        ..by_rate()
    }
}

/// Returns a policy that opens the queue 48 s after the first join.
fn opening() -> QueuePolicy {
    QueuePolicy {
        opens_at: Some(Timestamp::constant(START_S + 48, 0)),
        ..by_capacity()
    }
}

const OUTAGE: Option<Duration> = Some(Duration::from_mins(4));

#[tokio::test]
async fn a_user_who_polls_as_advised_is_never_passed_over() {
    for (policy, silent, instances, outage) in [
        (by_rate(), 3, 1, None),
        (by_rate(), 3, 4, OUTAGE),
        (long_silence(), 9, 1, None),
        (by_capacity(), 5, 4, None),
        (opening(), 9, 4, None),
    ] {
        let sale = Sale::open(policy, silent, instances, Client::Polls).await;
        sale.run(outage).await;
    }
}

#[tokio::test]
async fn a_user_who_sends_heartbeats_as_advised_is_never_passed_over() {
    for (policy, silent, instances, outage) in [
        (by_rate(), 3, 1, None),
        (by_rate(), 3, 4, OUTAGE),
        (long_silence(), 9, 1, None),
        (long_silence(), 9, 4, None),
        (opening(), 9, 1, None),
        (opening(), 9, 4, None),
    ] {
        let sale = Sale::open(policy, silent, instances, Client::Follows).await;
        sale.run(outage).await;
    }
}
