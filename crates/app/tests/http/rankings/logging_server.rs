//! A database server whose query log is read.

use anyhow::Result;
use diesel_async::SimpleAsyncConnection;
use frontrow_test_harness::{MySqlServer, Reply, eventually};
use jiff::Timestamp;

use super::{
    SOON,
    queries::{Database, count, hold_up, let_go, under_way},
};

/// A server for this test alone, because its log is of all of its databases.
pub(super) struct LoggingServer {
    database: Database,
    pub(super) url: String,
    _server: MySqlServer,
}

impl LoggingServer {
    pub(super) async fn start() -> Result<Self> {
        let server = MySqlServer::start().await?;
        let url = server.create_database("frontrow").await?;
        let past_the_program = format!("{url}?prefer_socket=false");
        let mut database = Database::at(&past_the_program).await?;
        let log = "SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1";
        database.locking.batch_execute(log).await?;
        Ok(Self {
            database,
            url,
            _server: server,
        })
    }

    /// Empties the log. From here on, every query of a ranking waits.
    pub(super) async fn hold_up(&mut self) -> Result<()> {
        let empty = "TRUNCATE mysql.general_log";
        self.database.locking.batch_execute(empty).await?;
        hold_up(&mut self.database).await
    }

    /// Lets the queries continue once there are this many.
    pub(super) async fn let_go_of(&mut self, queries: i64) -> Result<()> {
        eventually("the queries wait", SOON, async || {
            let now = under_way(&mut self.database).await?;
            Ok((now >= queries).then_some(()))
        })
        .await?;
        let_go(&mut self.database).await
    }

    /// How often the span of this answer was queried since the log was emptied.
    pub(super) async fn queries_of(&mut self, answer: &Reply) -> Result<i64> {
        let instant = |field: &str| -> Result<_> {
            let at: Timestamp = answer.text_at(field)?.parse()?;
            Ok(at.strftime("%Y-%m-%d %H:%M:%S").to_string())
        };
        let (from, to) = (instant("/from")?, instant("/to")?);
        let sql = format!(
            "SELECT COUNT(*) AS number FROM mysql.general_log
             WHERE command_type = 'Execute' AND argument LIKE '%SELECT best.concert_id%'
               AND argument NOT LIKE '%general_log%'
               AND argument LIKE '%{from}%' AND argument LIKE '%{to}%'"
        );
        count(&mut self.database, &sql).await
    }
}
