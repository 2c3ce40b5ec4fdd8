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
    open_error::MySqlOpenError,
    settings::{MySqlSettings, TlsMode},
};

pub(crate) type Connection = AsyncMysqlConnection;
pub(crate) type Pool = deadpool::Pool<Connection>;

/// A connection that was idle for longer is checked before it is used: the server, or something on
/// the way, may have closed it. A connection used more recently is not checked, which saves a round
/// trip per call.
const IDLE_UNASKED_MAX: Duration = Duration::from_secs(5);

/// The server closes a connection, in a transaction or not, that is silent for this time. When this
/// process is gone and nothing notifies the server, its locks, for which other calls wait in vain,
/// are released after this time. The server's default is 8 hours. No call of this program pauses
/// for nearly as long.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// The address of the server and how to connect to it.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    options: Opts,
    connect_timeout: Duration,
    acquire_timeout: Duration,
    statement_timeout: Duration,
    /// The runtime on which the store was opened. All connections and the work on them run there.
    /// The web server has one runtime per worker: on a request's runtime they would end with that
    /// worker, and with them the pending requests of others.
    home: Handle,
    /// The name of the database in messages, without the password.
    pub(crate) name: String,
}

impl Server {
    /// Makes the server of `url`, which must name a database.
    pub(crate) fn new(url: &str, settings: &MySqlSettings) -> Result<Self, MySqlOpenError> {
        let bad = |why: String| MySqlOpenError::BadUrl { why };
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
            // Otherwise the driver looks for the server's socket behind the address that it was
            // given.
            .prefer_socket(false)
            // diesel keeps its own cache of statements, and needs the number of rows found.
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

    /// Makes the error for a server that cannot be used.
    pub(crate) fn unreachable(&self, why: &impl ToString) -> MySqlOpenError {
        MySqlOpenError::Unreachable {
            server: self.name.clone(),
            why: why.to_string(),
        }
    }

    /// Runs `work` during opening, within the time limit of a statement plus `more`.
    pub(crate) async fn in_time<T>(
        &self,
        more: Duration,
        work: impl Future<Output = Result<T, MySqlOpenError>>,
    ) -> Result<T, MySqlOpenError> {
        let limit = self.statement_timeout + more;
        let done = tokio::time::timeout(limit, work).await;
        done.unwrap_or_else(|_| Err(self.unreachable(&format!("no answer in {limit:?}"))))
    }

    /// Returns the runtime on which the connections run.
    pub(crate) fn home(&self) -> &Handle {
        &self.home
    }

    /// Opens a new connection.
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

    /// Makes a pool of connections to it. The wait for a connection in use is limited by the
    /// settings, and so is each of the steps that may follow: checking an idle one, making a new
    /// one.
    pub(crate) fn pool(&self, size: usize) -> Result<Pool, MySqlOpenError> {
        let server = self.clone();
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |_| {
            let server = server.clone();
            let home = server.home.clone();
            async move {
                let connecting = home.spawn(async move { server.connect().await });
                // If the caller stops waiting, no connection is left behind that the pool does not
                // count.
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
            .map_err(|error| MySqlOpenError::Other {
                server: self.name.clone(),
                why: error.to_string(),
            })
    }
}

/// Opens a connection whose session has the name of its server as `@frontrow_server`. Each server
/// of MySQL has its own `server_uuid`, each of MariaDB its own `server_uid`, which older versions
/// lack. There it is null.
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

/// Drops an idle connection that does not answer within `limit`. Connections that were last used
/// before that are then dropped without a check: each would cost that time, and the server, or the
/// way to it, is silent for all of them. (The pool's own time-outs do not cover this check.)
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
                return Err(HookError::message(
                    "connections idle for as long did not answer",
                ));
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

/// Takes a connection from the pool. Errors with a retry-after if none is available.
pub(crate) async fn get(pool: &Pool) -> StoreResult<Object<Connection>> {
    let connection = pool.get().await;
    connection.map_err(|error| errors::busy(format!("no connection: {error}")))
}

/// The statements with which every connection begins, whatever the server's defaults are.
///
/// - READ COMMITTED: no gap locks, so holds of different seats never wait for each other.
/// - A statement waits for a table that is being changed no longer than the statement limit: the
///   servers' defaults are a day or a year, and each waiting statement holds a connection.
/// - Texts in English: they distinguish errors.
/// - UTC as the time zone of `SYSDATE`.
/// - Strict: a value that does not fit into its column is an error.
/// - Both engines can end a statement that takes too long, each by its own variable. Each skips the
///   other's kind of comment.
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
