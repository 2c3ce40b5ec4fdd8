//! A cache that goes away: the database answers in its place, one query at a time for each period, and
//! nobody is refused.

use anyhow::{Context, Result, ensure};
use diesel_async::AsyncMysqlConnection;
use frontrow_test_harness::{App, AppConfig, Fault, FaultProxy, RedisServer, eventually};

use super::{
    DATABASE_URL, PERIODS, SOON,
    outage::{all_are_answered, impatient},
    proxied::behind_a_proxy,
    queries::{hold_up, let_go, under_way},
    readers::Readers,
};
use crate::{stage, stores::Stores};

/// How often it is looked whether more queries come while one of each period waits.
const LOOKS: usize = 50;

/// A program whose rankings are cached on a Redis of its own, the network between them, and its database.
struct ShakyCache {
    app: App,
    network: FaultProxy,
    redis: RedisServer,
    /// Past the program.
    database: AsyncMysqlConnection,
}

/// `config` with a cache on `redis`, which it reaches through a proxy.
fn cached_on(config: AppConfig, redis: &RedisServer) -> Result<(AppConfig, FaultProxy)> {
    let url = redis.url();
    let address = url.strip_prefix("redis://").context("a Redis")?;
    let network = FaultProxy::start(address.parse()?)?;
    let config = config.env("FRONTROW_CACHE__BACKEND", "redis").env(
        "FRONTROW_REDIS__URL",
        format!("redis://{}", network.address()),
    );
    Ok((config, network))
}

impl ShakyCache {
    async fn open() -> Result<Self> {
        let redis = RedisServer::start().await?;
        let (config, network) = cached_on(Stores::MYSQL.config().await?, &redis)?;
        // Queries are to wait here, and not to fail.
        let config = config.env("FRONTROW_DATABASE__STATEMENT_TIMEOUT_MS", "60000");
        let app = stage::start(config).await?;
        Ok(Self {
            database: Stores::MYSQL.mysql(&app).await?,
            app,
            network,
            redis,
        })
    }

    /// Waits until the program has said so.
    async fn says(&self, what: &str) -> Result<()> {
        eventually(what, SOON, async || {
            Ok(self.app.log()?.contains(what).then_some(()))
        })
        .await
    }

    /// Holds up all queries until there is one for each period, and sees that no other is made, however many
    /// ask.
    async fn makes_one_query_a_period(&mut self) -> Result<()> {
        let most = i64::try_from(PERIODS.len())?;
        hold_up(&mut self.database).await?;
        let database = &mut self.database;
        eventually("each period is queried", SOON, async || {
            let now = under_way(database).await?;
            ensure!(now <= most, "{now} queries at once");
            Ok((now == most).then_some(()))
        })
        .await?;
        for _ in 0..LOOKS {
            let now = under_way(&mut self.database).await?;
            ensure!(now == most, "{now} queries at once");
        }
        let_go(&mut self.database).await
    }
}

/// While people ask, the cache is broken, the database answers, and the cache is mended.
async fn nobody_is_refused(
    breaks: impl AsyncFnOnce(&mut ShakyCache) -> Result<()>,
    mends: impl AsyncFnOnce(&mut ShakyCache) -> Result<()>,
) -> Result<()> {
    let mut shaky = ShakyCache::open().await?;
    assert_eq!(all_are_answered(&shaky.app).await?, 0);
    let readers = Readers::of(&shaky.app);
    breaks(&mut shaky).await?;
    shaky
        .says("the ranking cache fails and is passed by")
        .await?;
    shaky.makes_one_query_a_period().await?;
    eventually("the database answers", SOON, async || {
        Ok((all_are_answered(&shaky.app).await? == 0).then_some(()))
    })
    .await?;
    mends(&mut shaky).await?;
    shaky.says("the ranking cache answers again").await?;
    assert_eq!(all_are_answered(&shaky.app).await?, 0);
    readers.go_home().await?;
    shaky.app.process().ensure_running()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_cache_costs_nobody_an_answer() -> Result<()> {
    let kill = async |shaky: &mut ShakyCache| shaky.redis.kill();
    nobody_is_refused(kill, async |shaky| shaky.redis.restart().await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_stopped_and_started_costs_nobody_an_answer() -> Result<()> {
    let stop = async |shaky: &mut ShakyCache| shaky.redis.stop().await;
    nobody_is_refused(stop, async |shaky| shaky.redis.restart().await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_hangs_costs_nobody_an_answer() -> Result<()> {
    let pause = async |shaky: &mut ShakyCache| shaky.redis.pause();
    nobody_is_refused(pause, async |shaky| shaky.redis.resume()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_whose_answers_are_lost_costs_nobody_an_answer() -> Result<()> {
    let lose = async |shaky: &mut ShakyCache| shaky.network.set(Fault::LoseAnswers).await;
    let mend = async |shaky: &mut ShakyCache| {
        // A connection of which a part was lost never goes on behind it: it ends.
        shaky.network.set(Fault::Reset).await?;
        shaky.network.set(Fault::Forward).await
    };
    nobody_is_refused(lose, mend).await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_neither_cache_nor_database_the_last_answers_are_shown_as_stale() -> Result<()> {
    let mut redis = RedisServer::start().await?;
    let (config, _network) = cached_on(Stores::MYSQL.config().await?, &redis)?;
    let (config, database) = behind_a_proxy(config, DATABASE_URL)?;
    let mut app = stage::start(impatient(config)).await?;
    assert_eq!(all_are_answered(&app).await?, 0);
    let readers = Readers::of(&app);
    redis.kill()?;
    database.set(Fault::Refuse).await?;
    eventually("all are stale", SOON, async || {
        Ok((all_are_answered(&app).await? == PERIODS.len()).then_some(()))
    })
    .await?;
    // Either of them is enough.
    database.set(Fault::Forward).await?;
    eventually("none is stale", SOON, async || {
        Ok((all_are_answered(&app).await? == 0).then_some(()))
    })
    .await?;
    readers.go_home().await?;
    app.process().ensure_running()
}
