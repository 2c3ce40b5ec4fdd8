//! A test queue on a store, and a connection that reads and writes its keys without the ports.

use std::time::Duration;

use deadpool_redis::redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, aio::MultiplexedConnection, cmd,
};
use frontrow_adapter_redis::{RedisSettings, RedisStore, TimeOffset};
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{
            Generation, Place, PolicyState, PolicyVersion, QueuePolicy, QueueSeed, Recovery,
            Standing, Ticket, VersionedPolicy,
        },
    },
    ports::{
        JoinOutcome, LookUpOutcome, Queue, QueueControl, QueueTicks, StoreResult, TickOutcome,
        TickReport,
    },
};
use frontrow_test_harness::{RedisKeyspace, RedisServer};
use futures_util::future::join_all;
use jiff::SignedDuration;
use uuid::Uuid;

pub(crate) const CONCERT: ConcertId = ConcertId(Uuid::from_u128(0xc0_0001));

/// For what happens soon: never reached where all is well.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// A queue on a store.
pub(crate) struct TestQueue {
    pub(crate) store: RedisStore,
    pub(crate) concert: ConcertId,
    version: i64,
}

impl TestQueue {
    /// The queue that a store has.
    pub(crate) fn on(store: RedisStore) -> Self {
        Self {
            store,
            concert: CONCERT,
            version: 0,
        }
    }

    /// A new queue in which everybody waits.
    pub(crate) async fn paused(store: RedisStore) -> Self {
        let mut room = Self::on(store);
        room.change(PolicyState::Paused).await;
        room
    }

    /// A new queue in which everybody waits, on a server of its own.
    pub(crate) async fn paused_on(server: &RedisServer) -> Self {
        Self::paused(open(server).await).await
    }

    pub(crate) async fn change(&mut self, state: PolicyState) {
        self.version += 1;
        let seed = self.seed_of(state, None);
        self.store.seed(&seed).await.unwrap();
    }

    pub(crate) fn seed_of(&self, state: PolicyState, recovery: Option<Recovery>) -> QueueSeed {
        QueueSeed {
            concert: self.concert,
            policy: VersionedPolicy {
                policy: QueuePolicy {
                    state,
                    ..QueuePolicy::default()
                },
                version: PolicyVersion(self.version),
            },
            generation: Generation(u64::MAX - 7),
            recovery,
        }
    }

    pub(crate) async fn try_join(&self, name: &str) -> StoreResult<Place> {
        match self
            .store
            .join(self.concert, &user(name), None)
            .await?
            .value
        {
            JoinOutcome::Joined(place) | JoinOutcome::Held(place) => Ok(place),
            other => panic!("{name} should have a place: {other:?}"),
        }
    }

    pub(crate) async fn join(&self, name: &str) -> Ticket {
        self.try_join(name).await.unwrap().ticket
    }

    /// So many join, one after the other.
    pub(crate) async fn crowd(&self, people: usize) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        for number in 0..people {
            tickets.push(self.join(&format!("user-{number}")).await);
        }
        tickets
    }

    /// So many join at once, in no order.
    pub(crate) async fn throng(&self, people: usize) -> Vec<Ticket> {
        let names: Vec<_> = (0..people).map(|number| format!("user-{number}")).collect();
        let mut tickets = Vec::new();
        for some in names.chunks(2_000) {
            let joined = join_all(some.iter().map(|name| self.join(name)));
            tickets.extend(joined.await);
        }
        tickets
    }

    /// Lets all waiting places without a heartbeat expire, in service, and removes none of them.
    pub(crate) async fn outlive(&self, offset: &TimeOffset) {
        let mut left = QueuePolicy::default().waiting_ttl;
        let step = Duration::from_secs(4);
        while !left.is_zero() {
            offset.shift(SignedDuration::try_from(step.min(left)).unwrap());
            left = left.saturating_sub(step);
            self.expire(0).await;
        }
    }

    /// The name of one of the queue's keys.
    pub(crate) fn key(&self, keyspace: &RedisKeyspace, part: &str) -> String {
        format!("{}{{{}}}:{part}", keyspace.prefix(), self.concert)
    }

    pub(crate) async fn standing(&self, ticket: &Ticket) -> Standing {
        match self.store.look_up(ticket).await.unwrap().value {
            LookUpOutcome::Found(place) => place.standing,
            other => panic!("{} should have a place: {other:?}", ticket.user),
        }
    }

    pub(crate) async fn admit(&self, limit: u32) -> TickReport {
        report(self.store.admit(self.concert, limit).await.unwrap().value)
    }

    pub(crate) async fn expire(&self, limit: u32) -> TickReport {
        report(self.store.expire(self.concert, limit).await.unwrap().value)
    }

    pub(crate) async fn is_busy(&self) -> bool {
        self.store.busy().await.unwrap().contains(&self.concert)
    }
}

fn report(ticked: TickOutcome) -> TickReport {
    match ticked {
        TickOutcome::Ticked(report) => report,
        TickOutcome::NotSeeded => panic!("the store has the queue"),
    }
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::try_from(name).unwrap()
}

pub(crate) async fn open(server: &RedisServer) -> RedisStore {
    RedisStore::open(&quick(server), TimeOffset::default())
        .await
        .unwrap()
}

/// As the product does, with less patience.
pub(crate) fn quick(server: &RedisServer) -> RedisSettings {
    RedisSettings {
        connect_timeout: Duration::from_millis(500),
        answer_timeout: Duration::from_millis(500),
        ..RedisSettings::new(server.url())
    }
}

/// A connection past the store.
pub(crate) struct Raw(MultiplexedConnection);

impl Raw {
    pub(crate) async fn connect(url: &str) -> Self {
        let client = Client::open(url).unwrap();
        let patient = AsyncConnectionConfig::new().set_response_timeout(Some(SOON));
        let connected = client.get_multiplexed_async_connection_with_config(&patient);
        Self(connected.await.unwrap())
    }

    /// Says this to the server, word by word.
    pub(crate) async fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> T {
        self.send(&command(words)).await
    }

    pub(crate) async fn send<T: FromRedisValue>(&mut self, command: &Cmd) -> T {
        command.query_async(&mut self.0).await.unwrap()
    }

    /// The server's error; none where it takes the command.
    pub(crate) async fn refusal(&mut self, words: &[&str]) -> Option<String> {
        let answer = command(words).exec_async(&mut self.0).await;
        answer.err().map(|error| error.to_string())
    }
}

fn command(words: &[&str]) -> Cmd {
    let (name, rest) = words.split_first().unwrap();
    let mut command = cmd(name);
    command.arg(rest);
    command
}
