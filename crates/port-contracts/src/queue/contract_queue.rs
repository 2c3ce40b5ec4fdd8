//! The queue of a contract, and its time.

use std::time::Duration;

use frontrow_domain::{
    model::{
        ConcertId,
        queue::{
            Arrival, Deadlines, Generation, PolicyVersion, QueuePolicy, QueueSeed, Recovery,
            Ticket, VersionedPolicy,
        },
    },
    ports::{SeedOutcome, Stamped},
};
use jiff::{SignedDuration, Timestamp};

use super::QueueFixture;
use crate::{
    QueuePorts,
    test_queue::{CONCERT, user},
};

/// How long a queue that was lost admits no user here.
pub(crate) const RECOVERY: Duration = Duration::from_mins(5);

/// The queue of a contract.
pub(crate) struct ContractQueue<F> {
    pub(crate) fixture: F,
    pub(crate) ports: QueuePorts,
    pub(crate) concert: ConcertId,
    pub(crate) policy: QueuePolicy,
    pub(crate) version: i64,
    pub(crate) generation: u64,
    last_tick: Timestamp,
    serving_since: Timestamp,
    outage_is_intended: bool,
    was_interrupted: bool,
}

impl<F: QueueFixture> ContractQueue<F> {
    /// Returns a new queue with this policy.
    pub(crate) async fn open(fixture: F, policy: QueuePolicy) -> Self {
        let mut queue = Self::unknown(fixture, policy);
        let seeded = queue.seed(None).await;
        assert_eq!(seeded.value, SeedOutcome::Taken { recovering: false });
        queue
    }

    /// Returns a queue that the store has not been given yet.
    pub(crate) fn unknown(fixture: F, policy: QueuePolicy) -> Self {
        Self {
            ports: fixture.ports(),
            fixture,
            concert: CONCERT,
            policy,
            version: 1_000,
            generation: 1,
            last_tick: Timestamp::MIN,
            serving_since: Timestamp::MIN,
            outage_is_intended: false,
            was_interrupted: false,
        }
    }

    /// Seeds the queue in the store with the current policy.
    pub(crate) async fn seed(&mut self, recovery: Option<Recovery>) -> Stamped<SeedOutcome> {
        let seed = self.seed_of(recovery);
        let seeded = self.ports.control.seed(&seed).await.expect("seed");
        if self.last_tick == Timestamp::MIN {
            self.last_tick = seeded.as_of;
            self.serving_since = seeded.as_of;
        }
        seeded
    }

    /// Returns the seed for the store.
    pub(crate) fn seed_of(&self, recovery: Option<Recovery>) -> QueueSeed {
        QueueSeed {
            concert: self.concert,
            policy: VersionedPolicy {
                policy: self.policy.clone(),
                version: PolicyVersion(self.version),
            },
            generation: Generation(self.generation),
            recovery,
        }
    }

    /// Changes the policy.
    pub(crate) async fn change(&mut self, change: impl FnOnce(&mut QueuePolicy)) {
        change(&mut self.policy);
        self.version += 1;
        let seeded = self.seed(None).await;
        assert_eq!(seeded.value, SeedOutcome::Taken { recovering: false });
    }

    /// Lets the store lose the queue, and seeds it again to recover.
    pub(crate) async fn lose_and_recover(&mut self) {
        self.fixture.lose_data().await;
        self.recover().await;
    }

    /// Seeds the queue in a store that has lost it.
    pub(crate) async fn recover(&mut self) {
        self.recover_with_served(None).await;
    }

    /// As [`ContractQueue::recover`]. Users who arrived up to `served_up_to` count as served.
    pub(crate) async fn recover_with_served(&mut self, served_up_to: Option<Arrival>) {
        self.generation += 1;
        self.last_tick = Timestamp::MIN;
        let recovery = Recovery {
            served_up_to,
            ..Recovery::lasting(RECOVERY)
        };
        let seeded = self.seed(Some(recovery)).await;
        assert_eq!(seeded.value, SeedOutcome::Taken { recovering: true });
    }

    /// Closes the store cleanly, and opens it again.
    pub(crate) async fn reopen(&mut self) {
        self.fixture.reopen().await;
        self.ports = self.fixture.ports();
    }

    /// Moves the store's clock forwards, without ticks.
    pub(crate) async fn pass(&mut self, by: Duration) {
        self.outage_is_intended |= by > Deadlines::OUTAGE_AFTER;
        let by = SignedDuration::try_from(by).expect("a short span");
        self.fixture.shift_time(by).await;
    }

    /// Moves the store's clock backwards.
    pub(crate) async fn step_back(&mut self, by: Duration) {
        let by = SignedDuration::try_from(by).expect("a short span");
        self.fixture.shift_time(-by).await;
    }

    /// Returns the store's time.
    pub(crate) async fn now(&self) -> Timestamp {
        self.look_up(&self.ticket("unknown", 1)).await.as_of
    }

    /// Keeps the queue in service, by ticks that only remove expired places, until it has been
    /// served for `by` without an outage. Real time that passes makes the service longer, never
    /// shorter.
    pub(crate) async fn serve(&mut self, by: Duration) {
        const STEP: Duration = Duration::from_secs(1);
        self.expire_all().await;
        let from = self.last_tick;
        for _ in 0..1_000 {
            let until = from.max(self.serving_since) + by;
            if self.last_tick >= until {
                return;
            }
            let left = until.duration_since(self.last_tick).unsigned_abs();
            self.pass(left.min(STEP)).await;
            self.expire_all().await;
        }
        panic!("the store's time does not go on: it is {}", self.last_tick);
    }

    /// Serves the queue almost for a lifetime of `ttl`, then lets that lifetime end without another
    /// tick.
    pub(crate) async fn serve_past(&mut self, ttl: Duration) {
        const BEFORE: Duration = Duration::from_millis(500);
        self.serve(ttl.saturating_sub(BEFORE)).await;
        self.pass(BEFORE * 2).await;
    }

    /// Returns false if the machine took so long since the last tick, or between two ticks, that
    /// the queue counts as out of service. Places then live longer than the contract expects, so it
    /// cannot check which of them have expired.
    pub(crate) fn is_served(&self, as_of: Timestamp) -> bool {
        !self.was_interrupted && as_of <= self.last_tick + Deadlines::OUTAGE_AFTER
    }

    /// Returns true if the machine took so long between two ticks that the queue counts as out of
    /// service.
    pub(crate) fn was_interrupted(&self) -> bool {
        self.was_interrupted
    }

    /// Records a tick as promise 6 has it.
    pub(crate) fn record_tick(&mut self, as_of: Timestamp) {
        if as_of > self.last_tick + Deadlines::OUTAGE_AFTER {
            self.serving_since = as_of;
            self.was_interrupted |= !self.outage_is_intended;
        }
        self.outage_is_intended = false;
        self.last_tick = as_of;
    }

    /// Returns a ticket that the store never gave out, or gave out long ago.
    pub(crate) fn ticket(&self, name: &str, arrival: i64) -> Ticket {
        Ticket {
            concert: self.concert,
            user: user(name),
            arrival: Arrival::from_micros(arrival),
            generation: Generation(self.generation),
        }
    }
}
