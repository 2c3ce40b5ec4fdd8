//! A connection that many requests share, and the task that replaces it after a fault.

use std::{sync::Arc, time::Duration};

use deadpool_redis::{
    Connection, Manager, Pool, Runtime,
    redis::{
        AsyncConnectionConfig, ConnectionInfo, PushInfo, PushKind, aio::MultiplexedConnection,
    },
};
use frontrow_domain::{
    model::queue::ServerId,
    ports::{StoreError, StoreResult},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    errors::{self, ConnectionFault},
    open_error::RedisOpenError,
    server,
    settings::RedisSettings,
};

/// The back-off before the next attempt to connect. It doubles up to `BACKOFF_MAX`.
const BACKOFF_INITIAL: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_millis(800);

/// Maximum number of requests in the send buffer of a connection. Further ones wait for space in
/// it.
const SEND_BUFFER_MAX: usize = 1_024;

/// A connection that many requests share. It stays the same while the driver's connection behind it
/// is replaced.
pub(crate) struct ManagedConnection {
    state: watch::Receiver<State>,
    faults: mpsc::Sender<(ConnectionNumber, ConnectionFault)>,
    connect_timeout: Duration,
    reconnector: JoinHandle<()>,
}

/// Sequence number of the driver's connections behind one [`ManagedConnection`], from 0. A fault
/// that a request reports on a replaced connection does not concern the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ConnectionNumber(u64);

/// A clone of the driver's connection, with its number.
#[derive(Clone)]
pub(crate) struct ConnectionHandle {
    number: ConnectionNumber,
    pub(crate) connection: MultiplexedConnection,
    /// The server at the other end. None if it does not return its name.
    server: Option<Arc<ServerId>>,
}

impl ConnectionHandle {
    /// Returns the name of the server at the other end. Empty if it does not return one.
    pub(crate) fn server(&self) -> &str {
        self.server.as_ref().map_or("", |server| server.as_str())
    }
}

/// The state of a connection.
#[derive(Clone)]
enum State {
    /// The first attempt to connect, or one right after a fault, is under way.
    Connecting,
    /// Requests may be sent.
    Up(ConnectionHandle),
    /// The last attempt failed, the server did not reply in time, or it refused writes. Attempts
    /// are repeated until one succeeds. Until then requests fail at once: one that waited would
    /// fail too, only later.
    Down(Arc<str>),
}

impl ManagedConnection {
    /// Starts the task that connects, and returns at once. Errors if the settings are invalid.
    pub(crate) fn start(
        server: &ConnectionInfo,
        settings: &RedisSettings,
    ) -> Result<Self, RedisOpenError> {
        // A report is dropped if the channel is full: the reports in it are enough.
        let (faults, reported) = mpsc::channel(8);
        let (publish, state) = watch::channel(State::Connecting);
        let connector = Connector {
            server: server.clone(),
            settings: settings.clone(),
            faults: faults.clone(),
        };
        // Validates the settings.
        connector.single_connection_pool(ConnectionNumber(0))?;
        let reconnector = Reconnector {
            connector,
            publish,
            faults: reported,
        };
        Ok(Self {
            state,
            faults,
            connect_timeout: settings.connect_timeout,
            reconnector: tokio::spawn(reconnector.run()),
        })
    }

    /// Returns a clone of the driver's connection. While one is being made, waits for it for at
    /// most the connect time-out.
    pub(crate) async fn handle(&self) -> StoreResult<ConnectionHandle> {
        if let Some(result) = self.state.borrow().result() {
            return result;
        }
        let mut state = self.state.clone();
        let connected = state.wait_for(|state| state.result().is_some());
        match tokio::time::timeout(self.connect_timeout, connected).await {
            Ok(Ok(state)) => state.result(),
            _ => None,
        }
        .unwrap_or_else(|| {
            Err(errors::unavailable(
                "no connection within the connect time-out",
            ))
        })
    }

    /// Returns the error with which a request would fail at once. None if it would not.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        match &*self.state.borrow() {
            State::Down(why) => Some(errors::unavailable(why)),
            State::Connecting | State::Up(_) => None,
        }
    }

    /// Reports a fault of the connection behind `handle`, so that it is replaced if it still is the
    /// current one.
    pub(crate) fn report(&self, handle: &ConnectionHandle, fault: ConnectionFault) {
        let _ = self.faults.try_send((handle.number, fault));
    }
}

impl Drop for ManagedConnection {
    fn drop(&mut self) {
        self.reconnector.abort();
    }
}

impl State {
    /// Returns the result of `handle` in this state. None while an attempt to connect is under way.
    fn result(&self) -> Option<StoreResult<ConnectionHandle>> {
        match self {
            Self::Connecting => None,
            Self::Up(handle) => Some(Ok(handle.clone())),
            Self::Down(why) => Some(Err(errors::unavailable(why))),
        }
    }
}

/// The task that connects, waits for a fault, and connects again.
struct Reconnector {
    connector: Connector,
    publish: watch::Sender<State>,
    faults: mpsc::Receiver<(ConnectionNumber, ConnectionFault)>,
}

impl Reconnector {
    async fn run(mut self) {
        for number in (0..).map(ConnectionNumber) {
            let (connection, server) = self.connect(number).await;
            self.publish.send_replace(State::Up(ConnectionHandle {
                number,
                connection: MultiplexedConnection::clone(&connection),
                server: server.map(Arc::new),
            }));
            let Some(fault) = self.fault_of(number).await else {
                return;
            };
            tracing::debug!(
                why = fault.reason(),
                "replacing a connection to Redis after a fault"
            );
            // Requests that wait for a reply on a clone of it keep waiting there.
            drop(Connection::take(connection));
            match fault {
                // The server may be reachable, as after a restart: new requests wait for the
                // attempt to connect.
                ConnectionFault::Closed | ConnectionFault::ReplyMismatch => {
                    drop(self.publish.send_replace(State::Connecting));
                }
                ConnectionFault::TimedOut | ConnectionFault::ReadOnly => {
                    self.publish
                        .send_replace(State::Down(fault.reason().into()));
                    tokio::time::sleep(BACKOFF_INITIAL).await;
                }
            }
        }
    }

    /// Waits for a reported fault of the connection with this number. None once every sender is
    /// dropped.
    async fn fault_of(&mut self, number: ConnectionNumber) -> Option<ConnectionFault> {
        loop {
            let (of, fault) = self.faults.recv().await?;
            if of == number {
                return Some(fault);
            }
        }
    }

    /// Connects. Retries with back-off until an attempt succeeds.
    async fn connect(&self, number: ConnectionNumber) -> (Connection, Option<ServerId>) {
        let mut backoff = BACKOFF_INITIAL;
        let mut failed = false;
        loop {
            match self.connector.connect(number).await {
                Ok(connected) => {
                    if failed {
                        tracing::info!("connected to Redis again");
                    }
                    return connected;
                }
                Err(why) => {
                    if !failed {
                        tracing::warn!(why, "failed to connect to Redis; retrying");
                    }
                    failed = true;
                    self.publish.send_replace(State::Down(why.into()));
                }
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }
}

/// Makes the driver's connections, one after the other.
struct Connector {
    server: ConnectionInfo,
    settings: RedisSettings,
    faults: mpsc::Sender<(ConnectionNumber, ConnectionFault)>,
}

impl Connector {
    /// Connects once, and reads the name of the server. Errors with the cause as text.
    async fn connect(
        &self,
        number: ConnectionNumber,
    ) -> Result<(Connection, Option<ServerId>), String> {
        let pool = self
            .single_connection_pool(number)
            .map_err(|error| error.to_string())?;
        let mut connection = pool.get().await.map_err(|error| errors::text(&error))?;
        let server = server::id(&mut connection).await;
        let server = server.map_err(|error| error.to_string())?;
        Ok((connection, server))
    }

    /// Returns a pool of one connection, which makes and checks it. The connection reports when it
    /// is closed.
    fn single_connection_pool(&self, number: ConnectionNumber) -> Result<Pool, RedisOpenError> {
        let bad_url = |why: String| RedisOpenError::BadUrl { why };
        let faults = self.faults.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.connect_timeout))
            .set_response_timeout(Some(self.settings.answer_timeout))
            .set_pipeline_buffer_size(SEND_BUFFER_MAX)
            .set_push_sender(move |pushed: PushInfo| {
                if pushed.kind == PushKind::Disconnection {
                    let _ = faults.try_send((number, ConnectionFault::Closed));
                }
                Ok::<(), ()>(())
            });
        let manager = Manager::new_with_config(self.server.clone(), config)
            .map_err(|error| bad_url(error.to_string()))?;
        Pool::builder(manager)
            .max_size(1)
            .create_timeout(Some(self.settings.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| bad_url(error.to_string()))
    }
}
