use std::{
    env, process,
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use anyhow::{Context, Result};
use deadpool_redis::redis::{Client, Connection, cmd};
use tokio::sync::Mutex;

use super::{RedisServer, URL_VARIABLE};

/// Maximum number of keys that one command removes.
const REMOVED_MAX: usize = 1_000;

/// The number of this process's next keyspace.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The server of this process's tests, which lives as long as one of them uses it.
static SHARED: Mutex<Weak<RedisServer>> = Mutex::const_new(Weak::new());

/// Keys for one test, on a server that it shares with others: the one of `FRONTROW_TEST_REDIS_URL`,
/// or else one of this process. Dropping this removes them.
#[derive(Debug)]
pub struct RedisKeyspace {
    url: String,
    prefix: String,
    /// Ends with the last keyspace on it.
    _server: Option<Arc<RedisServer>>,
}

impl RedisKeyspace {
    /// Makes a keyspace that no other test uses.
    pub async fn create() -> Result<Self> {
        let given = env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty());
        let (url, server) = if let Some(url) = given {
            (url, None)
        } else {
            let server = shared().await?;
            (server.url(), Some(server))
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let keyspace = Self {
            url,
            prefix: format!("frontrow-test-{}-{number}:", process::id()),
            _server: server,
        };
        // An earlier process with the same id may have left keys behind.
        keyspace.clear().await?;
        Ok(keyspace)
    }

    /// Returns the URL of the server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the prefix of the test's keys.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Removes the keys.
    pub async fn clear(&self) -> Result<()> {
        let (url, prefix) = (self.url.clone(), self.prefix.clone());
        tokio::task::spawn_blocking(move || remove(&url, &prefix)).await?
    }
}

impl Drop for RedisKeyspace {
    fn drop(&mut self) {
        // The server of this process is about to end with its keys, or others still need it.
        let (url, prefix) = (self.url.clone(), self.prefix.clone());
        let removed = thread::spawn(move || remove(&url, &prefix)).join();
        match removed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("the keys {}* are still there: {error:#}", self.prefix),
            Err(_) => eprintln!("the keys {}* are still there: it panicked", self.prefix),
        }
    }
}

async fn shared() -> Result<Arc<RedisServer>> {
    let mut shared = SHARED.lock().await;
    if let Some(server) = shared.upgrade() {
        return Ok(server);
    }
    let server = Arc::new(RedisServer::start().await?);
    *shared = Arc::downgrade(&server);
    Ok(server)
}

fn remove(url: &str, prefix: &str) -> Result<()> {
    let mut connection: Connection = Client::open(url)?
        .get_connection()
        .with_context(|| format!("no Redis server at {URL_VARIABLE}"))?;
    let keys: Vec<Vec<u8>> = cmd("KEYS")
        .arg(format!("{prefix}*"))
        .query(&mut connection)?;
    for keys in keys.chunks(REMOVED_MAX) {
        cmd("UNLINK").arg(keys).exec(&mut connection)?;
    }
    Ok(())
}
