//! Instances that share a cache: background work is done by one of them.

use anyhow::Result;
use deadpool_redis::redis::{Client, cmd};
use frontrow_test_harness::{App, AppConfig, RedisKeyspace, eventually};

use super::{SOON, logging_server::LoggingServer, outage::with_long_timeouts, ranking};
use crate::{stores::Stores, test_app};

const FINISHED: [&str; 3] = ["daily", "weekly", "monthly"];

/// A program that is ready to be started, and whose database has its schema.
pub(super) async fn stopped(config: &AppConfig) -> Result<App> {
    let mut app = test_app::start(config.clone()).await?;
    app.sigterm()?;
    app.wait_exit().await?;
    Ok(app)
}

/// Two programs on one database with one cache.
pub(super) struct TwoInstances {
    pub(super) one: App,
    pub(super) other: App,
    cache: RedisKeyspace,
}

impl TwoInstances {
    /// Prepares them for a start, with an empty cache.
    pub(super) async fn stopped(server: &LoggingServer) -> Result<Self> {
        let cache = RedisKeyspace::create().await?;
        let config = Stores::with_redis(
            with_long_timeouts(Stores::on_mysql(&server.url)),
            cache.url(),
        )
        .env("FRONTROW_REDIS__KEY_PREFIX", cache.prefix());
        let (one, other) = (stopped(&config).await?, stopped(&config).await?);
        cache.clear().await?;
        Ok(Self { one, other, cache })
    }

    pub(super) async fn start(&mut self) -> Result<()> {
        tokio::try_join!(self.one.restart(), self.other.restart())?;
        Ok(())
    }

    /// Waits until the cache has every finished period. No request to a program asks for them.
    async fn have_filled_the_cache(&self) -> Result<()> {
        let client = Client::open(self.cache.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut exists = cmd("EXISTS");
        for period in FINISHED {
            exists.arg(format!("{}ranking:{period}", self.cache.prefix()));
        }
        eventually("all is cached", SOON, async || {
            let cached: usize = exists.query_async(&mut connection).await?;
            Ok((cached == FINISHED.len()).then_some(()))
        })
        .await
    }
}

/// All queries wait until both instances have started, so both begin the same work before either
/// completes it.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_instances_one_computes_rankings_without_a_request() -> Result<()> {
    let mut server = LoggingServer::start().await?;
    let mut two = TwoInstances::stopped(&server).await?;
    server.hold_up().await?;
    two.start().await?;
    // The queries for the last hour, the day, and the week. The instance that finds the day leased
    // computes the week.
    server.let_go_of(3).await?;
    two.have_filled_the_cache().await?;
    for period in FINISHED {
        for app in [&two.one, &two.other] {
            let answer = ranking(app, &format!("?period={period}")).await?;
            assert_eq!(server.queries_of(&answer).await?, 1, "{period}");
        }
    }
    Ok(())
}
