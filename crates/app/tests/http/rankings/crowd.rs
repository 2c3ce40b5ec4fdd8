//! A crowd that finds the cache empty: one query for each period, as the database's own log counts them.

use std::time::Duration;

use anyhow::{Result, ensure};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use frontrow_test_harness::{App, MySqlServer, Reply, eventually};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::ranking;
use crate::{stage, stores::Stores};

const CROWD: usize = 2_000;
const SOON: Duration = Duration::from_secs(30);

/// A server of its own, since its log is of all of its databases.
struct LoggingServer {
    connection: AsyncMysqlConnection,
    url: String,
    _server: MySqlServer,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl LoggingServer {
    async fn start() -> Result<Self> {
        let server = MySqlServer::start().await?;
        let url = format!("{}/frontrow", server.url());
        let to_server = format!("{}/?prefer_socket=false", server.url());
        let mut connection = AsyncMysqlConnection::establish(&to_server).await?;
        let setup = "CREATE DATABASE frontrow; USE frontrow;
                     SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1";
        connection.batch_execute(setup).await?;
        Ok(Self {
            connection,
            url,
            _server: server,
        })
    }

    async fn count(&mut self, sql: &str) -> Result<i64> {
        let count: Count = sql_query(sql).get_result(&mut self.connection).await?;
        Ok(count.number)
    }

    /// How often this answer's span was queried since the log was emptied.
    async fn queries_of(&mut self, answer: &Reply) -> Result<i64> {
        let instant = |field: &str| -> Result<_> {
            let at: Timestamp = answer.text_at(field)?.parse()?;
            Ok(at.strftime("%Y-%m-%d %H:%M:%S").to_string())
        };
        let (from, to) = (instant("/from")?, instant("/to")?);
        self.count(&format!(
            "SELECT COUNT(*) AS number FROM mysql.general_log
             WHERE command_type = 'Execute' AND argument LIKE '%SELECT best.concert_id%'
               AND argument NOT LIKE '%general_log%'
               AND argument LIKE '%{from}%' AND argument LIKE '%{to}%'"
        ))
        .await
    }

    /// How many rankings are being queried at this moment.
    async fn under_way(&mut self) -> Result<i64> {
        self.count(
            "SELECT COUNT(*) AS number FROM information_schema.processlist
             WHERE info LIKE '%SELECT best.concert_id%' AND id <> CONNECTION_ID()",
        )
        .await
    }
}

/// Where a process may have only a few files open by default.
fn allow_many_connections() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(())
}

async fn ask_all_at_once(app: &App) -> Result<()> {
    let asking = (0..CROWD).map(|_| async {
        let answer = ranking(app, "?period=weekly").await?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(())
    });
    try_join_all(asking).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_finds_nothing_cached_makes_one_query() -> Result<()> {
    allow_many_connections()?;
    let mut server = LoggingServer::start().await?;
    let config = Stores::EMBEDDED.config().await?;
    let config = config
        .env("FRONTROW_DATABASE__URL", &server.url)
        .env("FRONTROW_DATABASE__OLDER_SCHEMA", "migrate")
        .env("FRONTROW_DATABASE__STATEMENT_TIMEOUT_MS", "60000");
    let mut app = stage::start(config).await?;
    app.sigterm()?;
    app.wait_exit().await?;
    // Every query of a ranking waits now, among them the job's first, of the last hour.
    let hold_up = "TRUNCATE mysql.general_log; LOCK TABLES concert_sales WRITE";
    server.connection.batch_execute(hold_up).await?;
    app.restart().await?;
    let let_go = async {
        eventually("the queries wait", SOON, async || {
            Ok((server.under_way().await? >= 2).then_some(()))
        })
        .await?;
        server.connection.batch_execute("UNLOCK TABLES").await?;
        anyhow::Ok(())
    };
    tokio::try_join!(ask_all_at_once(&app), let_go)?;
    // Nor does anybody after them.
    ask_all_at_once(&app).await?;
    for period in ["weekly", "daily", "monthly"] {
        let answer = ranking(&app, &format!("?period={period}")).await?;
        assert_eq!(server.queries_of(&answer).await?, 1, "{period}");
    }
    Ok(())
}
