//! A lock for work that only one process at a time may do with a database.

use std::time::Duration;

use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Double, Nullable},
};
use diesel_async::RunQueryDsl;
use tokio::time::sleep;

use crate::{
    open_error::MySqlOpenError,
    pool::{Connection, Server},
    settings::MySqlSettings,
};

/// How long to wait for another process that holds the lock: the server notices within a moment
/// that a process was killed.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How often the lock's owner shows the server that it is alive.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The server takes the lock from an owner that is silent for this time.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Number of consecutive checks in which another process must hold the lock before the loss is
/// certain. Together with the waits they take longer than [`SILENCE_MAX`], so the holder is not an
/// earlier connection of this process that the server takes to be alive.
const MISSES_MAX: u32 = 3;

/// The name of the lock. The server allows names of 64 characters, and database names may be as
/// long.
const LOCK: &str = "CONCAT('frontrow-sole-', LEFT(SHA2(DATABASE(), 256), 40))";

/// A lock held by at most one process, for as long as this value lives and no other process [has
/// taken it](Self::lost).
///
/// It is for a process that keeps data about the database in its own memory, which a second process
/// beside it would contradict. It is a lock of the server (`GET_LOCK`), so it ends with the process
/// however that ends. It ends with the server too, so it has to be checked and taken again.
pub struct SoleUser {
    server: Server,
    /// None while it is not known whether the lock is held.
    connection: Option<Connection>,
}

impl SoleUser {
    /// Takes the lock of the database of `url`. Returns none if another process has it.
    ///
    /// # Errors
    /// If the URL is wrong or the server cannot be reached.
    pub async fn of(url: &str, settings: &MySqlSettings) -> Result<Option<Self>, MySqlOpenError> {
        let server = Server::new(url, settings)?;
        let connection = take(&server).await?;
        Ok(connection.map(|connection| Self {
            server,
            connection: Some(connection),
        }))
    }

    /// Keeps the lock: takes it again after the server was down or the network was cut. Returns
    /// only when another process has taken it meanwhile.
    pub async fn lost(&mut self) {
        let mut misses = 0;
        while misses < MISSES_MAX {
            sleep(LOOK_EVERY).await;
            if self.is_held().await {
                continue;
            }
            match take(&self.server).await {
                Ok(Some(connection)) => {
                    self.connection = Some(connection);
                    misses = 0;
                }
                Ok(None) => misses += 1,
                // No other process can take it either, as far as this process can see.
                Err(_) => misses = 0,
            }
        }
    }

    /// Returns true if the connection still answers: the lock ends with it. A connection that does
    /// not answer is closed, or it might keep the lock from its successor.
    async fn is_held(&mut self) -> bool {
        let Some(connection) = &mut self.connection else {
            return false;
        };
        let request = async {
            let answer = sql_query("DO 0").execute(connection).await;
            answer.map_err(|error| self.server.unreachable(&error))
        };
        let answered = self.server.in_time(Duration::ZERO, request).await.is_ok();
        if !answered {
            self.connection = None;
        }
        answered
    }

    /// Returns true if the server says that this process has the lock at this moment.
    /// [`lost`](Self::lost) takes some time to be sure of a loss, and the effects of a loss may
    /// come sooner.
    pub async fn is_owner(&mut self) -> bool {
        #[derive(QueryableByName)]
        struct Owner {
            #[diesel(sql_type = Nullable<BigInt>)]
            is_self: Option<i64>,
        }
        let Some(connection) = &mut self.connection else {
            return false;
        };
        let request = async {
            let query = format!("SELECT IS_USED_LOCK({LOCK}) = CONNECTION_ID() AS is_self");
            let answer = sql_query(query).get_result::<Owner>(connection).await;
            answer.map_err(|error| self.server.unreachable(&error))
        };
        let owner = self.server.in_time(Duration::ZERO, request).await;
        owner.is_ok_and(|owner| owner.is_self == Some(1))
    }
}

/// Opens a connection that has the lock. None if another process has it.
async fn take(server: &Server) -> Result<Option<Connection>, MySqlOpenError> {
    #[derive(QueryableByName)]
    struct Lock {
        #[diesel(sql_type = Nullable<BigInt>)]
        got: Option<i64>,
    }
    let connecting = server.connect().await;
    let mut connection = connecting.map_err(|error| server.unreachable(&error))?;
    let taking = async {
        // The server must not end the wait for the lock as a statement that takes too long.
        let terms = format!(
            "SET SESSION wait_timeout = {} \
             /*M! , max_statement_time = 0 */ /*!50704 , max_execution_time = 0 */",
            SILENCE_MAX.as_secs()
        );
        sql_query(terms).execute(&mut connection).await?;
        let lock = format!("SELECT GET_LOCK({LOCK}, ?) AS got");
        let lock = sql_query(lock).bind::<Double, _>(WAIT_MAX.as_secs_f64());
        lock.get_result::<Lock>(&mut connection).await
    };
    let taking = async { taking.await.map_err(|error| server.unreachable(&error)) };
    let Lock { got } = server.in_time(WAIT_MAX, taking).await?;
    Ok((got == Some(1)).then_some(connection))
}
