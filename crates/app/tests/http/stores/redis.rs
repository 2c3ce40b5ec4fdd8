//! Reads a queue on Redis directly.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use deadpool_redis::redis::{
    AsyncConnectionConfig, Client, Script, ScriptInvocation, aio::MultiplexedConnection, cmd,
};
use frontrow_test_harness::{App, AppConfig};
use sha2::{Digest, Sha256};

use super::{
    Stores,
    queue_record::{Active, QueueRecord, Waiting},
};
use crate::lifetimes::SOON;

/// The setting with the URL.
pub(super) const URL: &str = "FRONTROW_REDIS__URL";
/// The setting with the prefix of all keys.
pub(super) const KEY_PREFIX: &str = "FRONTROW_REDIS__KEY_PREFIX";

/// The length of the digest of a user's name under which the user is stored, in bytes.
const MEMBER_BYTES: usize = 14;

/// The parts of a queue that are read, in the order of the script.
const PARTS: [&str; 5] = ["queue", "waiting", "active", "unclaimed", "places"];

/// Returns the time, the moves and the window, then the number of active users, the active users
/// and the waiting ones. One script, so that all of it is of one instant.
const READ: &str = "
    local QUEUE, WAITING, ACTIVE, UNCLAIMED, PLACES = unpack(KEYS)
    local call = redis.call
    local clock = call('TIME')
    local counters = call('HMGET', QUEUE, 'admitted', 'window_start')
    local active, waiting = {}, {}
    local places = call('HGETALL', PLACES)
    for i = 1, #places, 2 do
        local arrival, admitted_at = struct.unpack('<i8i8', places[i + 1])
        active[#active + 1] = { places[i], arrival, admitted_at }
    end
    local line = call('ZRANGE', WAITING, 0, -1, 'WITHSCORES')
    for i = 1, #line, 2 do
        waiting[#waiting + 1] = { line[i], tonumber(line[i + 1]) }
    end
    return {
        { clock[1] * 1000000 + clock[2], tonumber(counters[1]) or 0, tonumber(counters[2]) or false },
        call('ZCARD', ACTIVE) + call('ZCARD', UNCLAIMED), active, waiting,
    }";

/// The result of the script.
type Answer = (
    (i64, usize, Option<i64>),
    usize,
    Vec<(Vec<u8>, i64, i64)>,
    Vec<(Vec<u8>, i64)>,
);

/// Reads the record of one queue.
pub(crate) struct RedisReader {
    connection: MultiplexedConnection,
    script: Script,
    keys: Vec<String>,
    /// Users by the bytes that are stored for them.
    users: HashMap<Vec<u8>, String>,
}

impl RedisReader {
    pub(super) async fn open<'a>(
        config: &AppConfig,
        concert: &str,
        users: impl Iterator<Item = &'a String>,
    ) -> Result<Self> {
        let prefix = setting(config, KEY_PREFIX)?;
        Ok(Self {
            connection: connect(config).await?,
            script: Script::new(READ),
            keys: PARTS
                .map(|part| format!("{prefix}{{{concert}}}:{part}"))
                .into(),
            users: users.map(|user| (member(user), user.clone())).collect(),
        })
    }

    pub(super) async fn read(&mut self) -> Result<QueueRecord> {
        let mut script: ScriptInvocation<'_> = self.script.prepare_invoke();
        for key in &self.keys {
            script.key(key);
        }
        let answer: Answer = script.invoke_async(&mut self.connection).await?;
        let ((now, moved, window_start), counted, active, waiting) = answer;
        ensure!(
            counted == active.len(),
            "{counted} are active, {} of them with a place",
            active.len()
        );
        let user = |member: &Vec<u8>| {
            let user = self.users.get(member).cloned();
            user.with_context(|| format!("no user is known for {member:?}"))
        };
        let active = active.into_iter().map(|(member, arrival, admitted_at)| {
            Ok(Active {
                user: user(&member)?,
                arrival,
                admitted_at,
            })
        });
        let waiting = waiting.into_iter().map(|(member, arrival)| {
            Ok(Waiting {
                user: user(&member)?,
                arrival,
            })
        });
        Ok(QueueRecord {
            now,
            active: active.collect::<Result<_>>()?,
            waiting: waiting.collect::<Result<_>>()?,
            moved,
            window_start,
        })
    }
}

fn member(user: &str) -> Vec<u8> {
    Sha256::digest(user)
        .iter()
        .take(MEMBER_BYTES)
        .copied()
        .collect()
}

/// The value of a setting of the program.
fn setting<'a>(config: &'a AppConfig, name: &str) -> Result<&'a str> {
    let value = config.value(name).and_then(|value| value.to_str());
    value.with_context(|| format!("the program was given no {name}"))
}

/// A connection to the Redis of the program, which may be busy.
async fn connect(config: &AppConfig) -> Result<MultiplexedConnection> {
    let patient = AsyncConnectionConfig::new().set_response_timeout(Some(SOON));
    let client = Client::open(setting(config, URL)?)?;
    let connecting = client.get_multiplexed_async_connection_with_config(&patient);
    Ok(connecting.await?)
}

impl Stores {
    /// Removes `concert` from the list of busy queues in the Redis of `app`, if it is there.
    pub(crate) async fn remove_busy_queue(app: &App, concert: &str) -> Result<()> {
        let mut connection = connect(app.config()).await?;
        let busy = format!("{}busy", setting(app.config(), KEY_PREFIX)?);
        let mut remove = cmd("ZREM");
        remove.arg(busy).arg(concert);
        Ok(remove.exec_async(&mut connection).await?)
    }
}

/// Removes the keys whose names begin with the prefix of all keys of the program and then `part`.
pub(super) async fn remove(config: &AppConfig, part: &str) -> Result<()> {
    let mut connection = connect(config).await?;
    let pattern = format!("{}{part}*", setting(config, KEY_PREFIX)?);
    let keys: Vec<Vec<u8>> = cmd("KEYS")
        .arg(pattern)
        .query_async(&mut connection)
        .await?;
    ensure!(!keys.is_empty(), "there are no keys {part}*");
    cmd("UNLINK").arg(keys).exec_async(&mut connection).await?;
    Ok(())
}
