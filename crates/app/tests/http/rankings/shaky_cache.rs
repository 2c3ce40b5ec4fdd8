//! The cache becomes unavailable: the database answers instead, with one query at a time for each
//! period, and no request is refused.

use anyhow::{Context, Result};
use frontrow_test_harness::{App, AppConfig, Fault, FaultProxy, RedisServer, eventually};

use super::{
    DATABASE_URL, PERIODS, SOON,
    outage::{all_are_answered, patient},
    proxied::behind_a_proxy,
    queries::{Database, hold_up, let_go, none_any_more, one_each, still_one_each},
    readers::Readers,
};
use crate::{stores::Stores, test_app};

/// One query of each period.
const ALL: i64 = 4;

/// A program with the cache of rankings on a Redis of its own, the networks between it and its
/// stores, and its database.
struct ShakyCache {
    /// A direct connection. Dropped first, with the locks that it may hold, because the program's
    /// database is removed with it.
    database: Database,
    app: App,
    network: FaultProxy,
    to_database: FaultProxy,
    redis: RedisServer,
}

/// `config` with a cache on `redis`, through a proxy.
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
        let url = config.value(DATABASE_URL).and_then(|url| url.to_str());
        let database = Database::at(url.context("a database")?).await?;
        let (config, to_database) = behind_a_proxy(config, DATABASE_URL)?;
        Ok(Self {
            app: test_app::start(patient(config)).await?,
            network,
            to_database,
            redis,
            database,
        })
    }

    /// Waits until the program has logged it.
    async fn says(&self, what: &str) -> Result<()> {
        eventually(what, SOON, async || {
            Ok(self.app.log()?.contains(what).then_some(()))
        })
        .await
    }

    async fn are_stale(&self, number: usize) -> Result<()> {
        eventually("so many are stale", SOON, async || {
            Ok((all_are_answered(&self.app).await? == number).then_some(()))
        })
        .await
    }
}

/// While users send requests, the cache fails, the database answers, and the cache works again.
async fn nobody_is_refused(
    breaks: impl AsyncFnOnce(&mut ShakyCache) -> Result<()>,
    mends: impl AsyncFnOnce(&mut ShakyCache) -> Result<()>,
) -> Result<()> {
    let mut shaky = ShakyCache::open().await?;
    assert_eq!(all_are_answered(&shaky.app).await?, 0);
    let readers = Readers::of(&shaky.app);
    breaks(&mut shaky).await?;
    shaky
        .says("the ranking cache fails; rankings are computed without it")
        .await?;
    hold_up(&mut shaky.database).await?;
    one_each(&mut shaky.database, ALL).await?;
    let_go(&mut shaky.database).await?;
    // The database is there.
    shaky.are_stale(0).await?;
    hold_up(&mut shaky.database).await?;
    one_each(&mut shaky.database, ALL).await?;
    mends(&mut shaky).await?;
    shaky.says("the ranking cache answers again").await?;
    still_one_each(&mut shaky.database, ALL).await?;
    let_go(&mut shaky.database).await?;
    shaky.are_stale(0).await?;
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

/// Either of the stores is enough.
#[tokio::test(flavor = "multi_thread")]
async fn with_neither_cache_nor_database_the_last_answers_are_shown_as_stale() -> Result<()> {
    let mut shaky = ShakyCache::open().await?;
    assert_eq!(all_are_answered(&shaky.app).await?, 0);
    let readers = Readers::of(&shaky.app);
    shaky.redis.kill()?;
    shaky.to_database.set(Fault::Refuse).await?;
    shaky.are_stale(PERIODS.len()).await?;
    // It comes back, and takes its time.
    hold_up(&mut shaky.database).await?;
    shaky.to_database.set(Fault::Forward).await?;
    one_each(&mut shaky.database, ALL).await?;
    shaky.are_stale(PERIODS.len()).await?;
    let_go(&mut shaky.database).await?;
    shaky.are_stale(0).await?;
    readers.go_home().await?;
    shaky.app.process().ensure_running()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_falls_silent_is_not_asked_again_meanwhile() -> Result<()> {
    let mut shaky = ShakyCache::open().await?;
    assert_eq!(all_are_answered(&shaky.app).await?, 0);
    let readers = Readers::of(&shaky.app);
    shaky.redis.kill()?;
    hold_up(&mut shaky.database).await?;
    one_each(&mut shaky.database, ALL).await?;
    shaky.to_database.set(Fault::LoseAnswers).await?;
    still_one_each(&mut shaky.database, ALL).await?;
    let_go(&mut shaky.database).await?;
    shaky.to_database.answer_lost().await?;
    none_any_more(&mut shaky.database).await?;
    shaky.are_stale(PERIODS.len()).await?;
    shaky.to_database.set(Fault::Reset).await?;
    shaky.to_database.set(Fault::Forward).await?;
    shaky.are_stale(0).await?;
    readers.go_home().await?;
    shaky.app.process().ensure_running()
}
