//! A queue on an adapter's own type, for the adapter's own tests.

use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{
            Generation, Place, PolicyVersion, QueuePolicy, QueueSeed, Recovery, Standing, Ticket,
            VersionedPolicy,
        },
    },
    ports::{
        JoinOutcome, LookUpOutcome, Queue, QueueControl, QueueTicks, SeedOutcome, StoreResult,
        TickOutcome, TickReport,
    },
};
use futures_util::future::join_all;
use uuid::Uuid;

/// The concert of a [`TestQueue`].
pub const CONCERT: ConcertId = ConcertId(Uuid::from_u128(0xc0_0001));

/// The maximum number of joins of [`TestQueue::crowd`] that are in flight at once.
const JOINS_IN_FLIGHT: usize = 2_000;

/// A store that a [`TestQueue`] is in: an adapter, or a fixture that contains one.
pub trait TestStore: Send + Sync {
    /// The type of the adapter that implements the ports.
    type Queue: Queue + QueueControl + QueueTicks;

    /// Returns the queues of the store.
    fn queue(&self) -> &Self::Queue;
}

impl<Q: Queue + QueueControl + QueueTicks> TestStore for Q {
    type Queue = Q;

    fn queue(&self) -> &Q {
        self
    }
}

/// A queue in a store `S`, and the version of its policy.
#[derive(Debug)]
pub struct TestQueue<S> {
    /// The store.
    pub store: S,
    /// The concert of the queue.
    pub concert: ConcertId,
    /// The version of the policy in force.
    pub version: i64,
}

impl<S: TestStore> TestQueue<S> {
    /// Returns a new queue with this policy.
    pub async fn open(store: S, policy: QueuePolicy) -> Self {
        let mut queue = Self::on(store);
        queue.change(policy).await;
        queue
    }

    /// Returns a queue that may not be seeded yet. Seeds nothing.
    pub fn on(store: S) -> Self {
        Self {
            store,
            concert: CONCERT,
            version: 0,
        }
    }

    /// Returns the ports.
    pub fn queue(&self) -> &S::Queue {
        self.store.queue()
    }

    /// Puts a policy in force. Panics if the store does not take it.
    pub async fn change(&mut self, policy: QueuePolicy) {
        self.version += 1;
        let seeded = self.seed(policy).await;
        assert!(matches!(seeded, SeedOutcome::Taken { .. }), "{seeded:?}");
    }

    /// Seeds the queue with the version of the policy that it has.
    pub async fn seed(&self, policy: QueuePolicy) -> SeedOutcome {
        let seed = self.seed_of(policy, None);
        self.queue().seed(&seed).await.expect("a seed").value
    }

    /// Returns the seed for the store, with the present version.
    pub fn seed_of(&self, policy: QueuePolicy, recovery: Option<Recovery>) -> QueueSeed {
        QueueSeed {
            concert: self.concert,
            policy: VersionedPolicy {
                policy,
                version: PolicyVersion(self.version),
            },
            generation: Generation(u64::MAX - 7),
            recovery,
        }
    }

    /// Joins, and returns the place. Panics if the queue refuses the user.
    ///
    /// # Errors
    ///
    /// Errors if the store fails.
    pub async fn try_join(&self, name: &str) -> StoreResult<Place> {
        let joined = self.queue().join(self.concert, &user(name), None).await?;
        match joined.value {
            JoinOutcome::Joined(place) | JoinOutcome::Held(place) => Ok(place),
            other => panic!("{name} should have a place: {other:?}"),
        }
    }

    /// Joins, and returns the ticket.
    pub async fn join(&self, name: &str) -> Ticket {
        self.try_join(name).await.expect("a join").ticket
    }

    /// Joins, and returns the new place. Panics if the user had one.
    pub async fn join_new(&self, name: &str) -> Place {
        join_new(self.queue(), self.concert, name).await
    }

    /// Lets `users` users join one after the other: `user-0`, `user-1` and so on. Returns their
    /// tickets.
    pub async fn line(&self, users: usize) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        for number in 0..users {
            tickets.push(self.join(&format!("user-{number}")).await);
        }
        tickets
    }

    /// Lets `users` users join at once: `user-0`, `user-1` and so on. Returns their tickets, the
    /// first arrival first.
    pub async fn crowd(&self, users: usize) -> Vec<Ticket> {
        let names: Vec<_> = (0..users).map(|number| format!("user-{number}")).collect();
        let mut tickets = Vec::new();
        for names in names.chunks(JOINS_IN_FLIGHT) {
            tickets.extend(join_all(names.iter().map(|name| self.join(name))).await);
        }
        tickets.sort_by_key(|ticket| ticket.arrival);
        tickets
    }

    /// Runs one call of a tick that admits at most `limit` users.
    pub async fn admit(&self, limit: u32) -> TickReport {
        let ticked = self.queue().admit(self.concert, limit).await;
        report(ticked.expect("a tick").value)
    }

    /// Runs one call of a tick that removes at most `limit` expired places.
    pub async fn expire(&self, limit: u32) -> TickReport {
        let ticked = self.queue().expire(self.concert, limit).await;
        report(ticked.expect("a tick").value)
    }

    /// Looks up a place. Panics if there is none.
    pub async fn look_up(&self, ticket: &Ticket) -> Place {
        match self.queue().look_up(ticket).await.expect("a look-up").value {
            LookUpOutcome::Found(place) => place,
            other => panic!("{} should have a place: {other:?}", ticket.user),
        }
    }

    /// Looks up a place, and returns its standing.
    pub async fn standing(&self, ticket: &Ticket) -> Standing {
        self.look_up(ticket).await.standing
    }

    /// Looks up a place. Returns true if it waits.
    pub async fn waits(&self, ticket: &Ticket) -> bool {
        matches!(self.standing(ticket).await, Standing::Waiting { .. })
    }

    /// Returns true if the store lists the queue as busy.
    pub async fn is_busy(&self) -> bool {
        let busy = self.queue().busy().await.expect("the busy queues");
        busy.contains(&self.concert)
    }
}

/// Joins a queue, and returns the new place. Panics if the user had one.
pub async fn join_new(queue: &impl Queue, concert: ConcertId, name: &str) -> Place {
    let joined = queue.join(concert, &user(name), None).await;
    match joined.expect("a join").value {
        JoinOutcome::Joined(place) => place,
        other => panic!("{name} should have joined: {other:?}"),
    }
}

/// Returns the report of a tick. Panics if the store lacks the queue.
#[must_use]
pub fn report(ticked: TickOutcome) -> TickReport {
    match ticked {
        TickOutcome::Ticked(report) => report,
        TickOutcome::NotSeeded => panic!("the store has the queue"),
    }
}

/// Returns a user of this name.
#[must_use]
pub fn user(name: &str) -> UserId {
    UserId::try_from(name).expect("a good name")
}
