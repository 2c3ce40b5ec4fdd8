//! A cache that is unavailable when the program starts.

use anyhow::Result;
use frontrow_test_harness::{AppConfig, RedisServer, eventually};

use super::{PERIODS, SOON, outage::all_are_answered};
use crate::{stores::Stores, test_app};

/// Fails unless the server has every ranking.
const HAS_ALL: &str = "
    for _, key in ipairs(KEYS) do
        if redis.call('EXISTS', key) == 0 then return redis.error_reply(key .. ' is missing') end
    end
    return 1";

async fn has_all_rankings(redis: &RedisServer) -> bool {
    let keys = PERIODS.map(|period| format!("frontrow:ranking:{period}"));
    let count = PERIODS.len().to_string();
    let mut command = vec!["EVAL", HAS_ALL, &count];
    command.extend(keys.iter().map(String::as_str));
    redis.execute(&command).await.is_ok()
}

async fn starts_without_its_cache(config: AppConfig) -> Result<()> {
    let mut redis = RedisServer::start().await?;
    redis.stop().await?;
    let config = config
        .env("FRONTROW_CACHE__BACKEND", "redis")
        .env("FRONTROW_REDIS__URL", redis.url());
    let app = test_app::start(config).await?;
    assert_eq!(all_are_answered(&app).await?, 0);
    redis.restart().await?;
    eventually("the cache is used", SOON, async || {
        all_are_answered(&app).await?;
        Ok(has_all_rankings(&redis).await.then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_starts_while_its_cache_is_unavailable() -> Result<()> {
    starts_without_its_cache(Stores::EMBEDDED.config().await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_with_queues_in_the_database_starts_while_its_cache_is_unavailable() -> Result<()>
{
    starts_without_its_cache(Stores::MYSQL_QUEUE.config().await?).await
}
