//! A test queue on a store, and a connection that reads and writes its keys without the ports.

use std::time::Duration;

use deadpool_redis::redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, aio::MultiplexedConnection, cmd,
};
use frontrow_adapter_redis::{RedisSettings, RedisStore, TimeOffset};
use frontrow_port_contracts::{
    TestQueue,
    policies::{self, WAITING_TTL},
};
use frontrow_test_harness::{RedisKeyspace, RedisServer};
use jiff::SignedDuration;

/// The longest wait for an event that should happen soon. No passing test reaches it.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_mins(1);

/// Returns a new queue on this server in which every user waits.
pub(crate) async fn paused_on(server: &RedisServer) -> TestQueue<RedisStore> {
    TestQueue::open(open(server).await, policies::paused()).await
}

/// Lets all waiting places without a heartbeat expire while the queue is in service. Removes none
/// of them.
pub(crate) async fn let_places_expire(test_queue: &TestQueue<RedisStore>, offset: &TimeOffset) {
    let mut remaining = WAITING_TTL;
    let step = Duration::from_secs(4);
    while !remaining.is_zero() {
        offset.shift(SignedDuration::try_from(step.min(remaining)).unwrap());
        remaining = remaining.saturating_sub(step);
        test_queue.expire(0).await;
    }
}

/// Returns the name of one of the queue's keys.
pub(crate) fn key(
    test_queue: &TestQueue<RedisStore>,
    keyspace: &RedisKeyspace,
    part: &str,
) -> String {
    format!("{}{{{}}}:{part}", keyspace.prefix(), test_queue.concert)
}

pub(crate) async fn open(server: &RedisServer) -> RedisStore {
    RedisStore::open(&short_timeouts(server), TimeOffset::default())
        .await
        .unwrap()
}

/// Returns settings like those of the product, with shorter time-outs.
pub(crate) fn short_timeouts(server: &RedisServer) -> RedisSettings {
    RedisSettings {
        connect_timeout: Duration::from_millis(500),
        answer_timeout: Duration::from_millis(500),
        ..RedisSettings::new(server.url())
    }
}

/// A connection that reads and writes keys without the ports of the store.
pub(crate) struct Raw(MultiplexedConnection);

impl Raw {
    pub(crate) async fn connect(url: &str) -> Self {
        let client = Client::open(url).unwrap();
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(WAIT_LIMIT));
        let connected = client.get_multiplexed_async_connection_with_config(&config);
        Self(connected.await.unwrap())
    }

    /// Runs a command, given as its words.
    pub(crate) async fn run<T: FromRedisValue>(&mut self, words: &[&str]) -> T {
        self.send(&command(words)).await
    }

    pub(crate) async fn send<T: FromRedisValue>(&mut self, command: &Cmd) -> T {
        command.query_async(&mut self.0).await.unwrap()
    }

    /// Returns the server's error. None if it executes the command.
    pub(crate) async fn refusal(&mut self, words: &[&str]) -> Option<String> {
        let reply = command(words).exec_async(&mut self.0).await;
        reply.err().map(|error| error.to_string())
    }
}

fn command(words: &[&str]) -> Cmd {
    let (name, rest) = words.split_first().unwrap();
    let mut command = cmd(name);
    command.arg(rest);
    command
}
