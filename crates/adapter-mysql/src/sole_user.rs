//! A lock for what only one process at a time may do with a database.

use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Nullable},
};
use diesel_async::RunQueryDsl;

use crate::{
    open_error::OpenError,
    pool::{Connection, Server},
    settings::MySqlSettings,
};

/// For how long somebody else may still have the lock: the server notices in a moment that a process
/// was killed.
const WAIT_MAX_S: i64 = 5;

/// Held by one process at most, for as long as this lives and the server does not hang up.
///
/// For a process that keeps something about the database in its own memory, so that a second process
/// beside it would contradict it. It is a lock of the server's own (`GET_LOCK`), so it goes with the
/// process however that ends.
pub struct SoleUser {
    _connection: Connection,
}

impl SoleUser {
    /// Takes the lock of the database of `url`; none when another process has it.
    ///
    /// # Errors
    /// When the URL is wrong or the server cannot be reached.
    pub async fn of(url: &str, settings: &MySqlSettings) -> Result<Option<Self>, OpenError> {
        #[derive(QueryableByName)]
        struct Lock {
            #[diesel(sql_type = Nullable<BigInt>)]
            got: Option<i64>,
        }
        let server = Server::new(url, settings)?;
        let mut connection = server
            .connect()
            .await
            .map_err(|error| server.unreachable(&error))?;
        let took = async {
            // It will not say another word: the server is to wait for as long as it can.
            let patience = "SET SESSION wait_timeout = 31536000";
            sql_query(patience).execute(&mut connection).await?;
            // The server knows names of 64 characters, and those of databases are as long.
            let lock = "SELECT GET_LOCK(\
                 CONCAT('frontrow-sole-', LEFT(SHA2(DATABASE(), 256), 40)), ?) AS got";
            let lock = sql_query(lock).bind::<BigInt, _>(WAIT_MAX_S);
            lock.get_result::<Lock>(&mut connection).await
        };
        match took.await {
            Ok(Lock { got: Some(1) }) => Ok(Some(Self {
                _connection: connection,
            })),
            Ok(_) => Ok(None),
            Err(error) => Err(server.unreachable(&error)),
        }
    }
}
