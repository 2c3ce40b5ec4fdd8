//! The connections to the server, and how each is set up.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{
    AsyncMysqlConnection, RunQueryDsl,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, PoolError, RecyclingMethod,
        deadpool::{self, Hook, HookError, Object},
    },
};
use frontrow_domain::ports::StoreResult;
use futures_util::FutureExt;
use mysql_async::{Conn, Opts, OptsBuilder, SslOpts, prelude::Queryable};
use tokio::{runtime::Handle, sync::watch};

use crate::{
    clock::monotonic_now,
    errors,
    open_error::OpenError,
    settings::{MySqlSettings, TlsMode},
};

pub(crate) type Connection = AsyncMysqlConnection;
pub(crate) type Pool = deadpool::Pool<Connection>;

/// A connection that nobody used for so long is asked whether it is still there before it is used: the
/// server, or something on the way, may have hung up. One in use is not, which saves a trip a call.
const IDLE_UNASKED_MAX: Duration = Duration::from_secs(5);

/// The server hangs up on a connection, in a transaction or not, of which it hears nothing for so long:
/// when this process is gone and nothing tells the server so, its locks go after that time, for which
/// others wait in vain. It says 8 hours by itself. No call of ours pauses for nearly so long.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// Where the server is and how to speak with it.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    options: Opts,
    connect_timeout: Duration,
    acquire_timeout: Duration,
    statement_timeout: Duration,
    /// Where the store was opened. It looks after all connections and what is done with them: on the runtime
    /// of a request, of which the web server has one for each worker, they would end with that worker, also
    /// for the requests of others that are still to be answered.
    home: Handle,
    /// Names the database in messages, without the password.
    pub(crate) name: String,
}

impl Server {
    /// The server of `url`, which must name a database.
    pub(crate) fn new(url: &str, settings: &MySqlSettings) -> Result<Self, OpenError> {
        let bad = |why: String| OpenError::BadUrl { why };
        let options = Opts::from_url(url).map_err(|error| bad(error.to_string()))?;
        let Some(database) = options.db_name().filter(|name| !name.is_empty()) else {
            return Err(bad("it names no database".into()));
        };
        if options.ssl_opts().is_some() {
            return Err(bad(
                "it asks for TLS, which the settings do: off, encrypt or verify".into(),
            ));
        }
        let (host, port) = (options.ip_or_hostname(), options.tcp_port());
        let name = format!("{database} on {host}:{port}");
        let tls = match settings.tls {
            TlsMode::Off => None,
            TlsMode::Encrypt => Some(
                SslOpts::default()
                    .with_danger_accept_invalid_certs(true)
                    .with_danger_skip_domain_validation(true),
            ),
            TlsMode::Verify => Some(SslOpts::default()),
        };
        let options = OptsBuilder::from_opts(options)
            // Otherwise the driver looks for the server's socket behind the address that it was given.
            .prefer_socket(false)
            // diesel keeps its own cache of statements, and counts rows that were found.
            .stmt_cache_size(0)
            .client_found_rows(true)
            .ssl_opts(tls)
            .init(session_setup(settings));
        Ok(Self {
            options: options.into(),
            connect_timeout: settings.connect_timeout,
            acquire_timeout: settings.acquire_timeout,
            statement_timeout: settings.statement_timeout,
            home: Handle::current(),
            name,
        })
    }

    /// Why nobody can work with it.
    pub(crate) fn unreachable(&self, why: &impl ToString) -> OpenError {
        OpenError::Unreachable {
            server: self.name.clone(),
            why: why.to_string(),
        }
    }

    /// Does `work` while it opens, in the time of a statement and `more`.
    pub(crate) async fn in_time<T>(
        &self,
        more: Duration,
        work: impl Future<Output = Result<T, OpenError>>,
    ) -> Result<T, OpenError> {
        let limit = self.statement_timeout + more;
        let done = tokio::time::timeout(limit, work).await;
        done.unwrap_or_else(|_| Err(self.unreachable(&format!("no answer in {limit:?}"))))
    }

    /// The runtime that looks after all that concerns it.
    pub(crate) fn home(&self) -> &Handle {
        &self.home
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> ConnectionResult<Connection> {
        let connecting = async {
            let connection = named(self.options.clone()).await;
            let connection =
                connection.map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
            Connection::try_from(connection).await
        };
        let connected = tokio::time::timeout(self.connect_timeout, connecting).await;
        connected.unwrap_or_else(|_| {
            let why = format!("no answer in {:?}", self.connect_timeout);
            Err(ConnectionError::BadConnection(why))
        })
    }

    /// A pool of connections to it. To wait for one that others use takes as long as the settings say at
    /// most, and so does each of what may follow: to ask whether one is still there, to make a new one.
    pub(crate) fn pool(&self, size: usize) -> Result<Pool, OpenError> {
        let server = self.clone();
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |_| {
            let server = server.clone();
            let home = server.home.clone();
            async move {
                let connecting = home.spawn(async move { server.connect().await });
                // Whoever gives up waiting leaves nothing behind that the pool does not count.
                let _given_up = scopeguard::guard(connecting.abort_handle(), |task| task.abort());
                connecting
                    .await
                    .unwrap_or_else(|error| Err(ConnectionError::BadConnection(error.to_string())))
            }
            .boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config("", config);
        Pool::builder(manager)
            .max_size(size)
            .runtime(::deadpool::Runtime::Tokio1)
            .wait_timeout(Some(self.acquire_timeout))
            .create_timeout(Some(self.connect_timeout))
            .pre_recycle(still_there(self.acquire_timeout))
            .build()
            .map_err(|error| OpenError::Other {
                server: self.name.clone(),
                why: error.to_string(),
            })
    }
}

/// A connection whose session knows the name of its server as `@frontrow_server`: each server of
/// MySQL has another `server_uuid`, each of MariaDB another `server_uid`, which older versions
/// lack. Null there.
async fn named(options: Opts) -> mysql_async::Result<Conn> {
    let mut connection = Conn::new(options).await?;
    let name: Option<(String, String)> = connection
        .query_first("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'server_uid')")
        .await?;
    if let Some((_, name)) = name {
        connection
            .exec_drop("SET @frontrow_server = ?", (name,))
            .await?;
    }
    Ok(connection)
}

/// Drops a connection that has lain idle and does not answer within `limit`. Those that were last used
/// before then are not asked any more: each would cost that time, and the server, or the way to it, is
/// silent for all of them. (The pool's own time-outs do not reach into what is done here.)
fn still_there(limit: Duration) -> Hook<Connection> {
    let silent_at = Arc::new(watch::Sender::new(None::<Instant>));
    Hook::async_fn(move |connection: &mut Connection, metrics| {
        let idle = metrics.last_used();
        let silent_at = Arc::clone(&silent_at);
        async move {
            if idle <= IDLE_UNASKED_MAX {
                return Ok(());
            }
            if silent_at.borrow().is_some_and(|at| at.elapsed() <= idle) {
                return Err(HookError::message("others of its age did not answer"));
            }
            let question = diesel::sql_query("DO 0");
            match tokio::time::timeout(limit, question.execute(connection)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(HookError::Backend(PoolError::QueryError(error))),
                Err(_) => {
                    silent_at.send_replace(Some(monotonic_now()));
                    Err(HookError::message("it does not answer"))
                }
            }
        }
        .boxed()
    })
}

/// A connection, or the advice to come back.
pub(crate) async fn get(pool: &Pool) -> StoreResult<Object<Connection>> {
    let connection = pool.get().await;
    connection.map_err(|error| errors::busy(format!("no connection: {error}")))
}

/// What every connection begins with, whatever the server's own defaults are.
///
/// - READ COMMITTED: no gap locks, so holds of different seats never wait for each other.
/// - Who waits for a table that is being changed waits no longer than for a statement: the servers say a day
///   or a year, and each who waits so is a connection.
/// - Texts in English: errors are told apart by them.
/// - UTC as the time zone of `SYSDATE`.
/// - Strict: what does not fit into a column is an error.
/// - Both engines can end a statement that takes too long, each by a variable of its own; each skips
///   the other's kind of comment.
fn session_setup(settings: &MySqlSettings) -> Vec<String> {
    let silence_s = SILENCE_MAX.as_secs();
    let lock_s = settings.lock_timeout.as_secs().max(1);
    let statement_s = settings.statement_timeout.as_secs_f64();
    let table_s = settings.statement_timeout.as_secs().max(1);
    let statement_ms = settings.statement_timeout.as_millis();
    vec![
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned(),
        format!(
            "SET SESSION autocommit = 1, lc_messages = 'en_US', time_zone = '+00:00', \
             sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,\
             ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY', \
             innodb_lock_wait_timeout = {lock_s}, lock_wait_timeout = {table_s}, wait_timeout = {silence_s} \
             /*M! , max_statement_time = {statement_s} */ \
             /*!50704 , max_execution_time = {statement_ms} */"
        ),
    ]
}
