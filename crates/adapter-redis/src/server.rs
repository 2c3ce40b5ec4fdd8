//! Checks that a server is fit for its use: its version, and that it does not evict queues.

use std::collections::HashMap;

use deadpool_redis::redis::{Cmd, RedisError, aio::MultiplexedConnection};
use frontrow_domain::{
    model::queue::ServerId,
    ports::{StoreError, StoreResult},
};

use crate::{errors, open_error::RedisOpenError};

/// The oldest supported version. From it on, an error inside a script keeps its code, which shows
/// whether anything was changed.
const OLDEST: (u32, u32) = (7, 0);

/// The data that a server stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Queues, whose users would lose their places with the keys.
    Queues,
    /// Only rankings, which can be computed again.
    Cache,
}

/// Reads the version and the eviction policy of the server behind a connection. Errors if it is not
/// fit for its use, or if there is no connection.
pub(crate) async fn check(
    connection: StoreResult<MultiplexedConnection>,
    server: &str,
    is_for: Use,
) -> Result<(), RedisOpenError> {
    // Keeps only the cause: whether anything was applied does not concern the check of a server.
    let unreachable = |failure: StoreError| RedisOpenError::Unreachable {
        server: server.to_owned(),
        why: match failure {
            StoreError::NotApplied { what, .. } | StoreError::OutcomeUnknown { what } => {
                what.lines().collect::<Vec<_>>().join("; ")
            }
        },
    };
    let mut connection = connection.map_err(unreachable)?;
    match info(&mut connection, None).await {
        Ok(Some(info)) => check_info(&Info::read(&info), server, is_for),
        Ok(None) => {
            if is_for == Use::Queues {
                warn_of_missing_info(server);
            }
            Ok(())
        }
        Err(error) => Err(unreachable(errors::failure(&error, errors::Effect::Reads))),
    }
}

/// Returns the id of the server behind a connection: each process of Redis has its own `run_id`.
/// None if the server does not return it.
pub(crate) async fn id(
    connection: &mut MultiplexedConnection,
) -> Result<Option<ServerId>, RedisError> {
    let info = info(connection, Some("server")).await?;
    let info = info.as_deref().map(Info::read);
    Ok(info.and_then(|info| ServerId::named(info.get("run_id")?)))
}

/// Returns the `INFO` of the server, or one section of it. None if the server refuses it: some
/// providers of Redis do not allow `INFO`.
async fn info(
    connection: &mut MultiplexedConnection,
    section: Option<&str>,
) -> Result<Option<String>, RedisError> {
    let mut info = Cmd::new();
    info.arg("INFO").arg(section);
    match info.query_async(connection).await {
        Ok(info) => Ok(Some(info)),
        Err(error) if matches!(error.code(), Some("NOPERM" | "ERR")) => Ok(None),
        Err(error) => Err(error),
    }
}

fn check_info(info: &Info<'_>, server: &str, is_for: Use) -> Result<(), RedisOpenError> {
    if let Some(version) = info.get("redis_version")
        && number(version) < OLDEST
    {
        return Err(RedisOpenError::OldServer {
            server: server.to_owned(),
            version: version.to_owned(),
            needed: format!("{}.{}", OLDEST.0, OLDEST.1),
        });
    }
    if is_for == Use::Cache {
        return Ok(());
    }
    let Some(policy) = info.get("maxmemory_policy") else {
        warn_of_missing_info(server);
        return Ok(());
    };
    // The other policies evict only keys with a time to live: rankings have one, queues do not.
    if policy.starts_with("allkeys-") {
        if info.get("maxmemory").is_none_or(|limit| limit != "0") {
            return Err(RedisOpenError::Evicts {
                server: server.to_owned(),
                policy: policy.to_owned(),
            });
        }
        tracing::warn!(
            server,
            policy,
            "Redis would evict the queues if it had a memory limit: set maxmemory-policy to noeviction"
        );
    }
    Ok(())
}

fn warn_of_missing_info(server: &str) {
    tracing::warn!(
        server,
        "cannot read the version or the eviction policy of Redis; make sure that it is 7.0 or \
         later and evicts no keys"
    );
}

/// The lines `name:value` of an `INFO`.
struct Info<'a>(HashMap<&'a str, &'a str>);

impl<'a> Info<'a> {
    fn read(text: &'a str) -> Self {
        Self(
            text.lines()
                .filter_map(|line| line.split_once(':'))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }
}

/// Returns the first two numbers of a version.
fn number(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_for_queues(info: &str) -> Result<(), RedisOpenError> {
        check_info(&Info::read(info), "here", Use::Queues)
    }

    #[test]
    fn an_old_server_is_refused() {
        let old = check_for_queues("# Server\r\nredis_version:6.2.14\r\n").unwrap_err();
        assert_eq!(
            old.to_string(),
            "Redis at here is too old: it is 6.2.14, and 7.0 or later is needed"
        );
        for good in ["7.0.0", "7.2.4", "8.2.1", "10.0"] {
            assert_eq!(
                check_for_queues(&format!("redis_version:{good}\r\n")),
                Ok(())
            );
        }
    }

    #[test]
    fn a_server_that_may_evict_queues_is_refused() {
        let evicts = "redis_version:7.0.15\r\nmaxmemory:1000000\r\nmaxmemory_policy:";
        for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
            let error = check_for_queues(&format!("{evicts}{policy}\r\n")).unwrap_err();
            assert!(error.to_string().contains(policy), "{error}");
        }
        for policy in ["noeviction", "volatile-lru", "volatile-ttl"] {
            assert_eq!(check_for_queues(&format!("{evicts}{policy}\r\n")), Ok(()));
        }
    }

    #[test]
    fn a_server_without_a_limit_evicts_nothing() {
        let info = "redis_version:7.0.15\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n";
        assert_eq!(check_for_queues(info), Ok(()));
    }

    #[test]
    fn a_cache_may_evict_but_not_be_too_old() {
        let info = "redis_version:7.0.15\r\nmaxmemory:1000000\r\nmaxmemory_policy:allkeys-lru\r\n";
        assert_eq!(check_info(&Info::read(info), "here", Use::Cache), Ok(()));
        let old = check_info(&Info::read("redis_version:6.0.1\r\n"), "here", Use::Cache);
        assert!(
            matches!(old, Err(RedisOpenError::OldServer { .. })),
            "{old:?}"
        );
    }
}
