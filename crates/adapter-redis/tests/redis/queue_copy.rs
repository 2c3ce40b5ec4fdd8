//! A copy of a queue, like that of a replica that lacks the last writes.

use frontrow_domain::model::ConcertId;
use frontrow_test_harness::RedisKeyspace;

use crate::test_store::Raw;

/// The keys of a queue at an earlier instant.
pub(crate) struct QueueCopy {
    /// Each key, and its value as the server serializes it.
    keys: Vec<(String, Vec<u8>)>,
    /// The number of the queue's entry in the list of busy queues.
    listed: Option<f64>,
}

fn pattern(keyspace: &RedisKeyspace, concert: ConcertId) -> String {
    format!("{}{{{concert}}}:*", keyspace.prefix())
}

impl QueueCopy {
    pub(crate) async fn of(keyspace: &RedisKeyspace, concert: ConcertId) -> Self {
        let mut raw = Raw::connect(keyspace.url()).await;
        let names: Vec<String> = raw.run(&["KEYS", &pattern(keyspace, concert)]).await;
        let mut keys = Vec::new();
        for name in names {
            let value = raw.run(&["DUMP", &name]).await;
            keys.push((name, value));
        }
        let busy = format!("{}busy", keyspace.prefix());
        let listed = raw.run(&["ZSCORE", &busy, &concert.to_string()]).await;
        Self { keys, listed }
    }

    /// Replaces the queue by the copy, as if another server answered.
    pub(crate) async fn restore(&self, keyspace: &RedisKeyspace, concert: ConcertId) {
        let mut raw = Raw::connect(keyspace.url()).await;
        let names: Vec<String> = raw.run(&["KEYS", &pattern(keyspace, concert)]).await;
        for name in names {
            raw.run::<()>(&["DEL", &name]).await;
        }
        for (name, value) in &self.keys {
            let mut restore = deadpool_redis::redis::cmd("RESTORE");
            restore.arg(name).arg(0).arg(value.as_slice());
            raw.send::<()>(&restore).await;
        }
        let (busy, concert_name) = (format!("{}busy", keyspace.prefix()), concert.to_string());
        match self.listed {
            Some(number) => {
                let number = number.to_string();
                raw.run::<()>(&["ZADD", &busy, &number, &concert_name])
                    .await;
            }
            None => raw.run::<()>(&["ZREM", &busy, &concert_name]).await,
        }
        // The server is still the same, so the copy must name another one.
        let hash = format!("{}{{{concert}}}:queue", keyspace.prefix());
        raw.run::<()>(&["HSET", &hash, "server", "the one before"])
            .await;
    }
}
