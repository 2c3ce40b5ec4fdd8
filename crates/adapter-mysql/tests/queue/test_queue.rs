//! A queue with users in it.

use std::{sync::Arc, time::Duration};

use frontrow_adapter_mysql::MySqlQueue;
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{
            Capacity, Generation, Place, PolicyState, PolicyVersion, QueuePolicy, QueueSeed,
            Standing, Throughput, Ticket, VersionedPolicy,
        },
    },
    ports::{
        JoinOutcome, LookUpOutcome, Queue, QueueControl, QueueTicks, SeedOutcome, TickOutcome,
        TickReport,
    },
};
use uuid::Uuid;

use crate::one_queue::OneQueue;

/// A queue in a store of its own.
pub(crate) struct TestQueue {
    pub(crate) store: OneQueue,
    pub(crate) concert: ConcertId,
    pub(crate) version: i64,
}

/// So many an hour.
pub(crate) fn by_rate(admit: u32) -> QueuePolicy {
    QueuePolicy {
        throughput: Some(Throughput {
            admit,
            interval: Duration::from_hours(1),
        }),
        ..QueuePolicy::default()
    }
}

/// So many at once.
pub(crate) fn by_capacity(max_active: u32) -> QueuePolicy {
    QueuePolicy {
        throughput: None,
        capacity: Some(Capacity { max_active }),
        ..QueuePolicy::default()
    }
}

/// Everybody waits.
pub(crate) fn paused() -> QueuePolicy {
    QueuePolicy {
        state: PolicyState::Paused,
        ..QueuePolicy::default()
    }
}

/// Everybody moves.
pub(crate) fn bypass() -> QueuePolicy {
    QueuePolicy {
        state: PolicyState::Bypass,
        ..QueuePolicy::default()
    }
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::try_from(name).unwrap()
}

impl TestQueue {
    pub(crate) async fn open(policy: QueuePolicy) -> Self {
        let mut hall = Self {
            store: OneQueue::open().await,
            concert: ConcertId(Uuid::from_u128(0xc0_0001)),
            version: 0,
        };
        hall.change(policy).await;
        hall
    }

    pub(crate) fn queue(&self) -> &MySqlQueue {
        &self.store.queue
    }

    /// Puts a policy in force.
    pub(crate) async fn change(&mut self, policy: QueuePolicy) {
        self.version += 1;
        self.seed(policy).await;
    }

    /// Gives the store a policy of the version that it has.
    pub(crate) async fn seed_again(&self) -> SeedOutcome {
        self.seed(paused()).await
    }

    async fn seed(&self, policy: QueuePolicy) -> SeedOutcome {
        let seed = self.seed_of(policy);
        self.queue().seed(&seed).await.unwrap().value
    }

    pub(crate) fn seed_of(&self, policy: QueuePolicy) -> QueueSeed {
        QueueSeed {
            concert: self.concert,
            policy: VersionedPolicy {
                policy,
                version: PolicyVersion(self.version),
            },
            generation: Generation(1),
            recovery: None,
        }
    }

    /// Joins, and gets a new place.
    pub(crate) async fn enters(&self, name: &str) -> Place {
        enters(self.queue(), self.concert, name).await
    }

    /// So many join, and wait; the first to arrive first.
    pub(crate) async fn line_up(&self, count: usize) -> Vec<Ticket> {
        let mut line = Vec::new();
        let numbers: Vec<usize> = (0..count).collect();
        for chunk in numbers.chunks(500) {
            let joining = chunk.iter().map(|number| {
                let (queue, concert) = (self.queue().clone(), self.concert);
                let name = format!("user-{number}");
                tokio::spawn(async move { enters(&queue, concert, &name).await })
            });
            for joined in joining.collect::<Vec<_>>() {
                line.push(joined.await.unwrap().ticket);
            }
        }
        line.sort_by_key(|ticket| ticket.arrival);
        line
    }

    pub(crate) async fn admit(&self, limit: u32) -> TickReport {
        let told = self.queue().admit(self.concert, limit).await.unwrap();
        report(told.value)
    }

    pub(crate) async fn expire(&self, limit: u32) -> TickReport {
        let told = self.queue().expire(self.concert, limit).await.unwrap();
        report(told.value)
    }

    pub(crate) async fn find(&self, ticket: &Ticket) -> Place {
        match self.queue().look_up(ticket).await.unwrap().value {
            LookUpOutcome::Found(place) => place,
            other => panic!("{} should have a place: {other:?}", ticket.user),
        }
    }

    pub(crate) async fn waits(&self, ticket: &Ticket) -> bool {
        matches!(self.find(ticket).await.standing, Standing::Waiting { .. })
    }
}

/// Joins, and gets a new place.
pub(crate) async fn enters(queue: &MySqlQueue, concert: ConcertId, name: &str) -> Place {
    let queue: Arc<dyn Queue> = Arc::new(queue.clone());
    match queue.join(concert, &user(name), None).await.unwrap().value {
        JoinOutcome::Joined(place) => place,
        other => panic!("{name} should have joined: {other:?}"),
    }
}

pub(crate) fn report(outcome: TickOutcome) -> TickReport {
    match outcome {
        TickOutcome::Ticked(report) => report,
        TickOutcome::NotSeeded => panic!("the store has the queue"),
    }
}
