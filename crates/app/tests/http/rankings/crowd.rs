//! Many users find the cache empty: one query for each period and instance, as the database's own
//! log counts them.

use anyhow::{Result, ensure};
use frontrow_test_harness::App;
use futures_util::{StreamExt, TryStreamExt, stream};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    SOON,
    instances::{TwoInstances, stopped},
    logging_server::LoggingServer,
    outage::with_long_timeouts,
    ranking,
};
use crate::stores::Stores;

/// The number of requests to each instance at once.
const CROWD: usize = 2_000;
/// The number of connections that are opened at a time.
const AT_ONCE: usize = 64;

const REQUEST: &[u8] =
    b"GET /v1/rankings/concerts?period=weekly HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";

/// For systems where a process may have only a few open files by default.
fn allow_many_connections() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(())
}

/// Users whose requests are all sent, and who wait for the answers.
struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// Opens [`CROWD`] connections and sends a request on each, without waiting for answers.
    async fn send(app: &App) -> Result<Self> {
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

    async fn check_answers(self) -> Result<()> {
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
    let mut app = stopped(&with_long_timeouts(Stores::on_mysql(&server.url))).await?;
    server.hold_up().await?;
    app.restart().await?;
    let crowd = Crowd::send(&app).await?;
    // One query of the crowd, and the first two of the jobs: for the last hour and the day.
    server.let_go_of(3).await?;
    crowd.check_answers().await?;
    // A later crowd gets its answers as well.
    Crowd::send(&app).await?.check_answers().await?;
    for period in ["weekly", "daily", "monthly"] {
        let answer = ranking(&app, &format!("?period={period}")).await?;
        assert_eq!(server.queries_of(&answer).await?, 1, "{period}");
    }
    Ok(())
}

/// All queries wait until each instance has sent its own, so no instance can find the answer of
/// another one in the cache.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_each_of_two_instances_makes_one_query_at_each() -> Result<()> {
    allow_many_connections()?;
    let mut server = LoggingServer::start().await?;
    let mut two = TwoInstances::stopped(&server).await?;
    server.hold_up().await?;
    two.start().await?;
    let crowds = [Crowd::send(&two.one).await?, Crowd::send(&two.other).await?];
    // One query of the crowd at each instance, and the first two of the jobs: for the last hour and
    // the day.
    server.let_go_of(4).await?;
    for crowd in crowds {
        crowd.check_answers().await?;
    }
    let answer = ranking(&two.one, "?period=weekly").await?;
    assert_eq!(server.queries_of(&answer).await?, 2);
    for instance in [&two.one, &two.other] {
        Crowd::send(instance).await?.check_answers().await?;
    }
    assert_eq!(server.queries_of(&answer).await?, 2);
    Ok(())
}
