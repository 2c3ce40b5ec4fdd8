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

/// For what happens soon: never reached where all is well.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// Returns a new queue in which every user waits, on this server.
pub(crate) async fn paused_on(server: &RedisServer) -> TestQueue<RedisStore> {
    TestQueue::open(open(server).await, policies::paused()).await
}

/// Lets all waiting places without a heartbeat expire, in service, and removes none of them.
pub(crate) async fn outlive(test_queue: &TestQueue<RedisStore>, offset: &TimeOffset) {
    let mut left = WAITING_TTL;
    let step = Duration::from_secs(4);
    while !left.is_zero() {
        offset.shift(SignedDuration::try_from(step.min(left)).unwrap());
        left = left.saturating_sub(step);
        test_queue.expire(0).await;
    }
}

/// The name of one of the queue's keys.
pub(crate) fn key(
    test_queue: &TestQueue<RedisStore>,
    keyspace: &RedisKeyspace,
    part: &str,
) -> String {
    format!("{}{{{}}}:{part}", keyspace.prefix(), test_queue.concert)
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
