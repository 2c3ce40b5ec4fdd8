//! The cache becomes unavailable: the database answers instead, with one query at a time for each
//! period, and no request is refused.

use anyhow::{Context, Result};
use frontrow_test_harness::{App, AppConfig, Fault, FaultProxy, RedisServer, eventually};

use super::{
    DATABASE_URL, PERIODS, SOON,
    outage::{all_are_answered, with_long_timeouts},
    proxied::behind_a_proxy,
    queries::{Database, hold_up, let_go, none_any_more, one_each, still_one_each},
    readers::Readers,
};
use crate::{stores::Stores, test_app};

/// One query of each period.
const ALL: i64 = 4;

/// A program with the cache of rankings on a Redis of its own, the networks between it and its
/// stores, and its database.
struct FaultyCache {
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

impl FaultyCache {
    async fn open() -> Result<Self> {
        let redis = RedisServer::start().await?;
        let (config, network) = cached_on(Stores::MYSQL.config().await?, &redis)?;
        let url = config.value(DATABASE_URL).and_then(|url| url.to_str());
        let database = Database::at(url.context("a database")?).await?;
        let (config, to_database) = behind_a_proxy(config, DATABASE_URL)?;
        Ok(Self {
            app: test_app::start(with_long_timeouts(config)).await?,
            network,
            to_database,
            redis,
            database,
        })
    }

    /// Waits until the program has logged `what`.
    async fn wait_for_log(&self, what: &str) -> Result<()> {
        eventually(what, SOON, async || {
            Ok(self.app.log()?.contains(what).then_some(()))
        })
        .await
    }

    async fn wait_until_stale(&self, number: usize) -> Result<()> {
        eventually("this number is stale", SOON, async || {
            Ok((all_are_answered(&self.app).await? == number).then_some(()))
        })
        .await
    }
}

/// While users send requests, the cache fails, the database answers, and the cache works again.
async fn no_request_is_refused(
    breaks: impl AsyncFnOnce(&mut FaultyCache) -> Result<()>,
    mends: impl AsyncFnOnce(&mut FaultyCache) -> Result<()>,
) -> Result<()> {
    let mut fixture = FaultyCache::open().await?;
    assert_eq!(all_are_answered(&fixture.app).await?, 0);
    let readers = Readers::of(&fixture.app);
    breaks(&mut fixture).await?;
    fixture
        .wait_for_log("the ranking cache fails; rankings are computed without it")
        .await?;
    hold_up(&mut fixture.database).await?;
    one_each(&mut fixture.database, ALL).await?;
    let_go(&mut fixture.database).await?;
    // The database answers.
    fixture.wait_until_stale(0).await?;
    hold_up(&mut fixture.database).await?;
    one_each(&mut fixture.database, ALL).await?;
    mends(&mut fixture).await?;
    fixture
        .wait_for_log("the ranking cache answers again")
        .await?;
    still_one_each(&mut fixture.database, ALL).await?;
    let_go(&mut fixture.database).await?;
    fixture.wait_until_stale(0).await?;
    readers.stop().await?;
    fixture.app.process().ensure_running()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_cache_costs_no_client_an_answer() -> Result<()> {
    let kill = async |fixture: &mut FaultyCache| fixture.redis.kill();
    no_request_is_refused(kill, async |fixture| fixture.redis.restart().await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_stopped_and_started_costs_no_client_an_answer() -> Result<()> {
    let stop = async |fixture: &mut FaultyCache| fixture.redis.stop().await;
    no_request_is_refused(stop, async |fixture| fixture.redis.restart().await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_hangs_costs_no_client_an_answer() -> Result<()> {
    let pause = async |fixture: &mut FaultyCache| fixture.redis.pause();
    no_request_is_refused(pause, async |fixture| fixture.redis.resume()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_whose_answers_are_lost_costs_no_client_an_answer() -> Result<()> {
    let lose = async |fixture: &mut FaultyCache| fixture.network.set(Fault::LoseAnswers).await;
    let mend = async |fixture: &mut FaultyCache| {
        // A connection that lost a part of an answer cannot continue behind it, so it must end.
        fixture.network.set(Fault::Reset).await?;
        fixture.network.set(Fault::Forward).await
    };
    no_request_is_refused(lose, mend).await
}

/// Either of the stores is enough.
#[tokio::test(flavor = "multi_thread")]
async fn with_neither_cache_nor_database_the_last_answers_are_shown_as_stale() -> Result<()> {
    let mut fixture = FaultyCache::open().await?;
    assert_eq!(all_are_answered(&fixture.app).await?, 0);
    let readers = Readers::of(&fixture.app);
    fixture.redis.kill()?;
    fixture.to_database.set(Fault::Refuse).await?;
    fixture.wait_until_stale(PERIODS.len()).await?;
    // The database becomes reachable again, and its answers are slow.
    hold_up(&mut fixture.database).await?;
    fixture.to_database.set(Fault::Forward).await?;
    one_each(&mut fixture.database, ALL).await?;
    fixture.wait_until_stale(PERIODS.len()).await?;
    let_go(&mut fixture.database).await?;
    fixture.wait_until_stale(0).await?;
    readers.stop().await?;
    fixture.app.process().ensure_running()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_falls_silent_is_not_asked_again_meanwhile() -> Result<()> {
    let mut fixture = FaultyCache::open().await?;
    assert_eq!(all_are_answered(&fixture.app).await?, 0);
    let readers = Readers::of(&fixture.app);
    fixture.redis.kill()?;
    hold_up(&mut fixture.database).await?;
    one_each(&mut fixture.database, ALL).await?;
    fixture.to_database.set(Fault::LoseAnswers).await?;
    still_one_each(&mut fixture.database, ALL).await?;
    let_go(&mut fixture.database).await?;
    fixture.to_database.answer_lost().await?;
    none_any_more(&mut fixture.database).await?;
    fixture.wait_until_stale(PERIODS.len()).await?;
    fixture.to_database.set(Fault::Reset).await?;
    fixture.to_database.set(Fault::Forward).await?;
    fixture.wait_until_stale(0).await?;
    readers.stop().await?;
    fixture.app.process().ensure_running()
}
