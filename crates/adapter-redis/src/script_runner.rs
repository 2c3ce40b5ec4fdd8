//! Runs scripts and commands on the connections of a store.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use deadpool_redis::redis::{Cmd, FromRedisValue, RedisError, Script, Value};
use frontrow_domain::{
    model::ConcertId,
    ports::{StoreError, StoreResult},
};

use crate::{
    TimeOffset,
    connections::{ConnectionHandle, Connections, ManagedConnection},
    errors::{self, Effect},
    format,
    keys::Keys,
    listing::BusyList,
    reply::{self, Reply},
};

/// Maximum number of times that one call loads its script: a flush may remove it again before it
/// runs.
const LOADS_MAX: u32 = 3;

/// Runs scripts and commands on the connections of a store.
#[derive(Clone)]
pub(crate) struct ScriptRunner {
    connections: Arc<Connections>,
    pub(crate) keys: Keys,
    /// The list of busy queues as it was last read.
    pub(crate) busy: BusyList,
    offset: TimeOffset,
    /// The number of the last call. Each call of a script has its own number.
    last_number: Arc<AtomicU64>,
}

/// The origin of a call. It decides which connection the call uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A request, whose user waits for the reply.
    Request,
    /// A job: no user waits.
    Job,
}

impl ScriptRunner {
    pub(crate) fn new(connections: Arc<Connections>, keys: Keys, offset: TimeOffset) -> Self {
        Self {
            connections,
            keys,
            busy: BusyList::default(),
            offset,
            last_number: Arc::default(),
        }
    }

    fn connection(&self, caller: Caller) -> Arc<ManagedConnection> {
        match caller {
            Caller::Request => self.connections.for_request(),
            Caller::Job => self.connections.for_job(),
        }
    }

    /// Returns the error with which a call would fail at once. None if it would not.
    pub(crate) fn failure(&self, caller: Caller) -> Option<StoreError> {
        self.connection(caller).failure()
    }

    /// Runs a script on the queue of `concert`, with `arguments` added to its own.
    pub(crate) async fn run_on_queue(
        &self,
        caller: Caller,
        concert: ConcertId,
        script: &Script,
        arguments: impl Fn(&mut Cmd),
    ) -> StoreResult<Reply> {
        let mut call = evalsha(script, &self.keys.queue(concert));
        call.arg(self.offset.micros());
        arguments(&mut call);
        Reply::read(self.script(caller, script, call).await?)
    }

    /// Runs a script on exactly these keys.
    pub(crate) async fn run_on_keys(
        &self,
        caller: Caller,
        keys: &[String],
        script: &Script,
        arguments: impl Fn(&mut Cmd),
    ) -> StoreResult<Value> {
        let mut call = evalsha(script, keys);
        arguments(&mut call);
        self.script(caller, script, call).await
    }

    /// Runs a command.
    pub(crate) async fn run_command<T: FromRedisValue>(
        &self,
        caller: Caller,
        command: &Cmd,
        effect: Effect,
    ) -> StoreResult<T> {
        let connection = self.connection(caller);
        let mut handle = connection.handle().await?;
        let reply = send(&connection, &mut handle, command, effect).await?;
        T::from_redis_value(reply).map_err(|_| {
            connection.report(&handle, errors::ConnectionFault::ReplyMismatch);
            errors::unreadable_reply(effect)
        })
    }

    /// Runs a script, and checks that the reply belongs to this call.
    ///
    /// Requests that share a connection get its replies in the order in which they were sent, and
    /// the protocol does not say to which request a reply belongs. If one reply were lost, by a
    /// proxy or in the driver, each later request would get the reply about another user's place.
    /// So every script returns the number of its call, and a connection whose replies do not match
    /// is replaced.
    async fn script(&self, caller: Caller, script: &Script, mut call: Cmd) -> StoreResult<Value> {
        let connection = self.connection(caller);
        let number = self.last_number.fetch_add(1, Ordering::Relaxed);
        let mut handle = connection.handle().await?;
        call.arg(handle.server()).arg(number);
        let reply = run_script(&connection, &mut handle, script, &call).await?;
        let reply = reply::to_call(number, reply).ok_or_else(|| {
            connection.report(&handle, errors::ConnectionFault::ReplyMismatch);
            reply::malformed_reply()
        })?;
        format::check_reply(reply)
    }
}

/// Runs a script. Loads it first if the server does not have it.
async fn run_script(
    connection: &ManagedConnection,
    handle: &mut ConnectionHandle,
    script: &Script,
    call: &Cmd,
) -> StoreResult<Value> {
    for _ in 0..LOADS_MAX {
        match call.query_async::<Value>(&mut handle.connection).await {
            // Nothing ran: the server was restarted, or its scripts were flushed.
            Err(error) if errors::lacks_script(&error) => {
                let loaded = script.load_async(&mut handle.connection).await;
                loaded.map_err(|error| failed(connection, handle, &error, Effect::Reads))?;
            }
            Err(error) => return Err(failed(connection, handle, &error, Effect::Writes)),
            Ok(reply) => return Ok(reply),
        }
    }
    send(connection, handle, call, Effect::Writes).await
}

/// Returns the command that calls a script by its hash, on these keys.
fn evalsha(script: &Script, keys: &[String]) -> Cmd {
    let mut call = Cmd::new();
    call.arg("EVALSHA").arg(script.get_hash()).arg(keys.len());
    for key in keys {
        call.arg(key);
    }
    call
}

async fn send(
    connection: &ManagedConnection,
    handle: &mut ConnectionHandle,
    command: &Cmd,
    effect: Effect,
) -> StoreResult<Value> {
    let reply = command.query_async::<Value>(&mut handle.connection).await;
    reply.map_err(|error| failed(connection, handle, &error, effect))
}

/// Reports an error to the connection if it shows a fault of it, and returns the failure of the
/// store.
fn failed(
    connection: &ManagedConnection,
    handle: &ConnectionHandle,
    error: &RedisError,
    effect: Effect,
) -> StoreError {
    if let Some(fault) = errors::fault(error) {
        connection.report(handle, fault);
    }
    errors::failure(error, effect)
}
