//! The users in a queue, as its store has them.

use anyhow::Result;
use frontrow_test_harness::AppConfig;

use super::{Queue, Stores, mysql_queue::MySqlReader, redis::RedisReader};

/// All users in one queue, at one instant. Instants are microseconds since 1970 by the store's
/// clock.
#[derive(Debug)]
pub(crate) struct QueueRecord {
    /// The instant of the record.
    pub(crate) now: i64,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) active: Vec<Active>,
    /// The store's counter of users whom it has moved from the line to the active.
    pub(crate) moved: usize,
    /// The beginning of the running admission window.
    pub(crate) window_start: Option<i64>,
}

/// A user in the line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) user: String,
    pub(crate) arrival: i64,
}

/// A user who was admitted and has not left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Active {
    pub(crate) user: String,
    pub(crate) arrival: i64,
    pub(crate) admitted_at: i64,
}

/// Reads the record of one queue.
pub(crate) enum QueueReader {
    MySql(MySqlReader),
    Redis(RedisReader),
}

impl QueueReader {
    /// Reads the queue of `concert` in the store of programs with this `config`. Only `users` may
    /// be in it, because a store need not keep names.
    pub(crate) async fn open<'a>(
        stores: Stores,
        config: &AppConfig,
        concert: &str,
        users: impl Iterator<Item = &'a String>,
    ) -> Result<Self> {
        match stores.queue {
            Queue::Redis => Ok(Self::Redis(
                RedisReader::open(config, concert, users).await?,
            )),
            Queue::MySql => Ok(Self::MySql(MySqlReader::open(config, concert).await?)),
            Queue::Memory => anyhow::bail!("no test can read the memory of a program"),
        }
    }

    /// The record at this instant.
    pub(crate) async fn read(&mut self) -> Result<QueueRecord> {
        match self {
            Self::MySql(reader) => reader.read().await,
            Self::Redis(reader) => reader.read().await,
        }
    }
}
