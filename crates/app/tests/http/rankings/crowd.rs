//! A crowd that finds the cache empty: one query for each period and instance, as the database's own log
//! counts them.

use anyhow::{Result, ensure};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use frontrow_test_harness::{App, AppConfig, MySqlServer, RedisKeyspace, Reply, eventually};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    SOON,
    outage::patient,
    queries::{count, hold_up, let_go, under_way},
    ranking,
};
use crate::{stage, stores::Stores};

/// How many ask each instance at once.
const CROWD: usize = 2_000;
/// How many of them connect at a time.
const AT_ONCE: usize = 64;

const REQUEST: &[u8] =
    b"GET /v1/rankings/concerts?period=weekly HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";

/// A server of its own, since its log is of all of its databases.
struct LoggingServer {
    connection: AsyncMysqlConnection,
    url: String,
    _server: MySqlServer,
}

impl LoggingServer {
    async fn start() -> Result<Self> {
        let server = MySqlServer::start().await?;
        let url = server.create_database("frontrow").await?;
        let past_the_program = format!("{url}?prefer_socket=false");
        let mut connection = AsyncMysqlConnection::establish(&past_the_program).await?;
        let log = "SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1";
        connection.batch_execute(log).await?;
        Ok(Self {
            connection,
            url,
            _server: server,
        })
    }

    /// The log is emptied, and every query of a ranking waits from here on.
    async fn hold_up(&mut self) -> Result<()> {
        let empty = "TRUNCATE mysql.general_log";
        self.connection.batch_execute(empty).await?;
        hold_up(&mut self.connection).await
    }

    /// Lets the queries go on once there are so many.
    async fn let_go_of(&mut self, queries: i64) -> Result<()> {
        eventually("the queries wait", SOON, async || {
            let now = under_way(&mut self.connection).await?;
            Ok((now >= queries).then_some(()))
        })
        .await?;
        let_go(&mut self.connection).await
    }

    /// How often this answer's span was queried since the log was emptied.
    async fn queries_of(&mut self, answer: &Reply) -> Result<i64> {
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
        count(&mut self.connection, &sql).await
    }
}

/// Where a process may have only a few files open by default.
fn allow_many_connections() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(())
}

/// A program that is ready to be started, and whose database has its schema.
async fn stopped(config: &AppConfig) -> Result<App> {
    let mut app = stage::start(config.clone()).await?;
    app.sigterm()?;
    app.wait_exit().await?;
    Ok(app)
}

/// People who have all asked, and wait for their answers.
struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// So many connections with a request on each, of which none waits for another's answer.
    async fn asks(app: &App) -> Result<Self> {
        let url = app.base_url();
        let address = url.trim_start_matches("http://");
        let asking = (0..CROWD).map(|_| async move {
            let mut connection = TcpStream::connect(address).await?;
            connection.write_all(REQUEST).await?;
            anyhow::Ok(connection)
        });
        let asking = stream::iter(asking).buffer_unordered(AT_ONCE);
        Ok(Self(asking.try_collect().await?))
    }

    async fn gets_answers(self) -> Result<()> {
        for mut waiting in self.0 {
            let mut answer = String::new();
            timeout(SOON, waiting.read_to_string(&mut answer)).await??;
            ensure!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_finds_nothing_cached_makes_one_query() -> Result<()> {
    allow_many_connections()?;
    let mut server = LoggingServer::start().await?;
    let mut app = stopped(&patient(Stores::on_mysql(&server.url))).await?;
    server.hold_up().await?;
    app.restart().await?;
    let crowd = Crowd::asks(&app).await?;
    // The crowd's, and the first ones of the jobs: the last hour and the day.
    server.let_go_of(3).await?;
    crowd.gets_answers().await?;
    // Nor does anybody after them.
    Crowd::asks(&app).await?.gets_answers().await?;
    for period in ["weekly", "daily", "monthly"] {
        let answer = ranking(&app, &format!("?period={period}")).await?;
        assert_eq!(server.queries_of(&answer).await?, 1, "{period}");
    }
    Ok(())
}

/// Where all queries wait until each instance has made its own, nobody can find another one's answer in the
/// cache.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_each_of_two_instances_makes_one_query_at_each() -> Result<()> {
    allow_many_connections()?;
    let mut server = LoggingServer::start().await?;
    let keyspace = RedisKeyspace::create().await?;
    let config = Stores::with_redis(patient(Stores::on_mysql(&server.url)), keyspace.url())
        .env("FRONTROW_REDIS__KEY_PREFIX", keyspace.prefix());
    let (mut one, mut other) = (stopped(&config).await?, stopped(&config).await?);
    keyspace.clear().await?;
    server.hold_up().await?;
    tokio::try_join!(one.restart(), other.restart())?;
    let crowds = [Crowd::asks(&one).await?, Crowd::asks(&other).await?];
    server.let_go_of(6).await?;
    for crowd in crowds {
        crowd.gets_answers().await?;
    }
    let answer = ranking(&one, "?period=weekly").await?;
    assert_eq!(server.queries_of(&answer).await?, 2);
    for instance in [&one, &other] {
        Crowd::asks(instance).await?.gets_answers().await?;
    }
    assert_eq!(server.queries_of(&answer).await?, 2);
    Ok(())
}
