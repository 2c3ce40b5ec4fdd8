//! One connection that many share, and the task that replaces it.

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

use crate::{errors, open_error::OpenError, server, settings::RedisSettings};

/// The pause before the server is tried again; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// How many requests may be on their way to a connection before the next waits for its turn.
const QUEUED_MAX: usize = 1_024;

/// A connection that many share.
pub(crate) struct ManagedConnection {
    state: watch::Receiver<State>,
    troubles: mpsc::Sender<(Number, ConnectionFault)>,
    connect_timeout: Duration,
    keeper: JoinHandle<()>,
}

/// Which of a connection's connections, one after the other, it is. What is said of one that was replaced, by
/// somebody who still waited for its answer, does not concern the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number(u64);

/// A clone of a connection's connection.
#[derive(Clone)]
pub(crate) struct ConnectionHandle {
    number: Number,
    pub(crate) connection: MultiplexedConnection,
    /// The server at the other end. None where it does not say which it is.
    server: Option<Arc<ServerId>>,
}

impl ConnectionHandle {
    /// The name of the server at the other end, empty where it gives none.
    pub(crate) fn server(&self) -> &str {
        self.server.as_ref().map_or("", |server| server.as_str())
    }
}

/// How a connection stands.
#[derive(Clone)]
enum State {
    /// The server hung up a moment ago, or was never asked: an attempt to connect is under way.
    Connecting,
    /// Requests may be sent.
    Up(ConnectionHandle),
    /// The last attempt failed, and another is made again and again. Until one succeeds, requests fail
    /// at once: one that waited would fail too, only later.
    Down(Arc<str>),
}

/// Why a connection is to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionFault {
    /// The server, or something on the way, hung up.
    HungUp,
    /// An answer did not come in time.
    Silent,
    /// The server takes no writes: it may not be the one any more that its name stands for.
    ReadOnly,
    /// An answer was not to what was asked.
    OutOfStep,
}

impl ConnectionFault {
    fn why(self) -> &'static str {
        match self {
            Self::HungUp => "the server hung up",
            Self::Silent => "the server does not answer",
            Self::ReadOnly => "the server takes no writes",
            Self::OutOfStep => "an answer was not to what was asked",
        }
    }
}

impl ManagedConnection {
    /// Begins to connect.
    pub(crate) fn start(
        server: &ConnectionInfo,
        settings: &RedisSettings,
    ) -> Result<Self, OpenError> {
        // What is not handled yet when this is full says the same once more.
        let (troubles, troubled) = mpsc::channel(8);
        let (publish, state) = watch::channel(State::Connecting);
        let connector = Connector {
            server: server.clone(),
            settings: settings.clone(),
            troubles: troubles.clone(),
        };
        // Whether these settings are any good.
        connector.pool_of_one(Number(0))?;
        let keeper = Reconnector {
            connector,
            publish,
            troubled,
        };
        Ok(Self {
            state,
            troubles,
            connect_timeout: settings.connect_timeout,
            keeper: tokio::spawn(keeper.run()),
        })
    }

    /// A clone of the connection. Waits a moment where it is just being replaced.
    pub(crate) async fn link(&self) -> StoreResult<ConnectionHandle> {
        if let Some(ready) = self.state.borrow().ready() {
            return ready;
        }
        let mut state = self.state.clone();
        let connected = state.wait_for(|state| state.ready().is_some());
        match tokio::time::timeout(self.connect_timeout, connected).await {
            Ok(Ok(state)) => state.ready(),
            _ => None,
        }
        .unwrap_or_else(|| Err(errors::unavailable("no connection in time")))
    }

    /// Why a request would fail at once, if it would.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        match &*self.state.borrow() {
            State::Down(why) => Some(errors::unavailable(why)),
            State::Connecting | State::Up(_) => None,
        }
    }

    /// Has the connection replaced, if it is this one still.
    pub(crate) fn report(&self, link: &ConnectionHandle, trouble: ConnectionFault) {
        let _ = self.troubles.try_send((link.number, trouble));
    }
}

impl Drop for ManagedConnection {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl State {
    /// What a request gets; none while that is not decided.
    fn ready(&self) -> Option<StoreResult<ConnectionHandle>> {
        match self {
            Self::Connecting => None,
            Self::Up(link) => Some(Ok(link.clone())),
            Self::Down(why) => Some(Err(errors::unavailable(why))),
        }
    }
}

/// Looks after the connection of a connection.
struct Reconnector {
    connector: Connector,
    publish: watch::Sender<State>,
    troubled: mpsc::Receiver<(Number, ConnectionFault)>,
}

impl Reconnector {
    async fn run(mut self) {
        for number in (0..).map(Number) {
            let (connection, server) = self.connect(number).await;
            self.publish.send_replace(State::Up(ConnectionHandle {
                number,
                connection: MultiplexedConnection::clone(&connection),
                server: server.map(Arc::new),
            }));
            let Some(trouble) = self.trouble_of(number).await else {
                return;
            };
            tracing::debug!(why = trouble.why(), "a connection to Redis is replaced");
            // Whoever waits for an answer on a clone of it goes on waiting there.
            drop(Connection::take(connection));
            match trouble {
                // As after a restart: who comes now may well be served.
                ConnectionFault::HungUp | ConnectionFault::OutOfStep => {
                    drop(self.publish.send_replace(State::Connecting));
                }
                ConnectionFault::Silent | ConnectionFault::ReadOnly => {
                    self.publish.send_replace(State::Down(trouble.why().into()));
                    tokio::time::sleep(FIRST_PAUSE).await;
                }
            }
        }
    }

    /// Waits until somebody is in trouble with this connection; none when nobody uses the connection any more.
    async fn trouble_of(&mut self, number: Number) -> Option<ConnectionFault> {
        loop {
            let (of, trouble) = self.troubled.recv().await?;
            if of == number {
                return Some(trouble);
            }
        }
    }

    /// Connects, however long that takes.
    async fn connect(&self, number: Number) -> (Connection, Option<ServerId>) {
        let mut pause = FIRST_PAUSE;
        let mut failed = false;
        loop {
            match self.connector.connect(number).await {
                Ok(connected) => {
                    if failed {
                        tracing::info!("Redis can be reached again");
                    }
                    return connected;
                }
                Err(why) => {
                    if !failed {
                        tracing::warn!(why, "Redis cannot be reached");
                    }
                    failed = true;
                    self.publish.send_replace(State::Down(why.into()));
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Makes the connections of a connection.
struct Connector {
    server: ConnectionInfo,
    settings: RedisSettings,
    troubles: mpsc::Sender<(Number, ConnectionFault)>,
}

impl Connector {
    /// Connects once, and asks which server it is; says why that failed.
    async fn connect(&self, number: Number) -> Result<(Connection, Option<ServerId>), String> {
        let pool = self
            .pool_of_one(number)
            .map_err(|error| error.to_string())?;
        let mut connection = pool.get().await.map_err(|error| errors::text(&error))?;
        let server = server::id(&mut connection).await;
        let server = server.map_err(|error| error.to_string())?;
        Ok((connection, server))
    }

    /// A pool of one connection: it makes and checks it, and notices when it is hung up.
    fn pool_of_one(&self, number: Number) -> Result<Pool, OpenError> {
        let bad = |why: String| OpenError::BadUrl { why };
        let troubles = self.troubles.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.connect_timeout))
            .set_response_timeout(Some(self.settings.answer_timeout))
            .set_pipeline_buffer_size(QUEUED_MAX)
            .set_push_sender(move |pushed: PushInfo| {
                if pushed.kind == PushKind::Disconnection {
                    let _ = troubles.try_send((number, ConnectionFault::HungUp));
                }
                Ok::<(), ()>(())
            });
        let manager = Manager::new_with_config(self.server.clone(), config)
            .map_err(|error| bad(error.to_string()))?;
        Pool::builder(manager)
            .max_size(1)
            .create_timeout(Some(self.settings.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| bad(error.to_string()))
    }
}
