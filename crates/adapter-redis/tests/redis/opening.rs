//! The servers that a store accepts, and the errors with which it refuses others.

use frontrow_adapter_redis::{RedisOpenError, RedisSettings, RedisStore, TimeOffset};
use frontrow_domain::{model::Period, ports::RankingCache};
use frontrow_port_contracts::{policies, test_queue::TestQueue};
use frontrow_test_harness::{RedisOptions, RedisServer, eventually};
use jiff::Timestamp;

use crate::test_store::{Raw, WAIT_LIMIT, paused_on, short_timeouts};

async fn refusal(settings: &RedisSettings) -> RedisOpenError {
    RedisStore::open(settings, TimeOffset::default())
        .await
        .unwrap_err()
}

async fn server_with_policy(policy: &str) -> RedisServer {
    let options = RedisOptions {
        memory: Some((1 << 30, policy.to_owned())),
        ..RedisOptions::default()
    };
    RedisServer::start_with(options).await.unwrap()
}

#[tokio::test]
async fn a_server_that_may_evict_queues_is_refused() {
    let server = server_with_policy("allkeys-lru").await;
    let error = refusal(&short_timeouts(&server)).await;
    let RedisOpenError::Evicts { policy, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(policy, "allkeys-lru");
    assert!(error.to_string().contains("maxmemory-policy"), "{error}");
}

#[tokio::test]
async fn a_server_that_evicts_only_keys_with_a_ttl_is_accepted() {
    let server = server_with_policy("volatile-lru").await;
    paused_on(&server).await.join("ann").await;
}

#[tokio::test]
async fn the_error_for_an_unreachable_server_names_it() {
    let mut server = RedisServer::start().await.unwrap();
    server.stop().await.unwrap();
    let error = refusal(&short_timeouts(&server)).await;
    assert!(
        matches!(error, RedisOpenError::Unreachable { .. }),
        "{error}"
    );
    let address = server.url().replace("redis://", "");
    assert!(error.to_string().contains(&address), "{error}");
}

#[tokio::test]
async fn the_error_for_a_wrong_password_does_not_contain_it() {
    let options = RedisOptions {
        more: vec![("requirepass".into(), "open-sesame".into())],
        ..RedisOptions::default()
    };
    let server = RedisServer::start_with(options).await.unwrap();
    let with = |password: &str| {
        let url = server.url();
        RedisSettings::new(url.replace("redis://", &format!("redis://:{password}@")))
    };
    let error = refusal(&with("swordfish")).await.to_string();
    assert!(
        error.contains("password") || error.contains("auth"),
        "{error}"
    );
    assert!(!error.contains("swordfish"), "{error}");
    let good = RedisStore::open(&with("open-sesame"), TimeOffset::default()).await;
    TestQueue::open(good.unwrap(), policies::paused())
        .await
        .join("ann")
        .await;
}

/// Some providers of Redis do not allow `INFO`.
#[tokio::test]
async fn a_server_that_refuses_info_is_accepted() {
    let server = RedisServer::start().await.unwrap();
    let mut raw = Raw::connect(&server.url()).await;
    raw.run::<()>(&[
        "ACL", "SETUSER", "anna", "on", ">pass", "~*", "+@all", "-info",
    ])
    .await;
    let url = server.url().replace("redis://", "redis://anna:pass@");
    let store = RedisStore::open(&RedisSettings::new(url), TimeOffset::default()).await;
    TestQueue::open(store.unwrap(), policies::paused())
        .await
        .join("ann")
        .await;
}

#[tokio::test]
async fn a_url_that_is_not_of_redis_is_refused() {
    for url in ["", "localhost:6379", "http://localhost", "redis://:secret@"] {
        let error = refusal(&RedisSettings::new(url)).await;
        assert!(matches!(error, RedisOpenError::BadUrl { .. }), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_cache_opens_without_its_server_and_works_once_it_is_reachable() {
    let mut server = RedisServer::start().await.unwrap();
    server.stop().await.unwrap();
    let cache = RedisStore::open_cache(&short_timeouts(&server)).unwrap();
    assert!(cache.get(Period::Daily, Timestamp::MIN).await.is_err());
    server.restart().await.unwrap();
    eventually("the cache answers", WAIT_LIMIT, async || {
        Ok(cache.get(Period::Daily, Timestamp::MIN).await.ok())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_server_of_a_cache_may_evict_keys() {
    let server = server_with_policy("allkeys-lru").await;
    let cache = RedisStore::open_cache(&short_timeouts(&server)).unwrap();
    let found = cache.get(Period::Daily, Timestamp::MIN).await;
    assert_eq!(found, Ok(None));
}

#[tokio::test]
async fn a_wrong_url_of_a_cache_is_refused() {
    let refused = RedisStore::open_cache(&RedisSettings::new("localhost:6379"));
    assert!(matches!(refused, Err(RedisOpenError::BadUrl { .. })));
}
