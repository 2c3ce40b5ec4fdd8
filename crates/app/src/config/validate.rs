//! Validates the configuration before anything starts.

use std::{ops::RangeInclusive, time::Duration};

use anyhow::{Context, bail, ensure};
use frontrow_domain::model::{
    HOLD_RANGE,
    queue::{PolicyRules, QueuePolicy, Recovery},
};
use jiff::tz::TimeZone;

use super::{CacheBackend, Config, DatabaseKind, QueueBackend, Secret};

impl Config {
    /// Refuses values that cannot work. The error names the key.
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        self.validate_server()?;
        self.database.validate()?;
        self.validate_stores()?;
        self.validate_queue()?;
        self.validate_secrets()?;
        within(
            "reservation.hold_s",
            self.reservation.hold_for(),
            &HOLD_RANGE,
        )?;
        self.time_zone()?;
        Ok(())
    }

    /// Returns the time zone of the ranking periods.
    pub(crate) fn time_zone(&self) -> anyhow::Result<TimeZone> {
        let name = &self.ranking.time_zone;
        TimeZone::get(name).with_context(|| {
            format!("ranking.time_zone: {name:?} is not an IANA time zone, such as Asia/Seoul")
        })
    }

    /// Returns the rules for all queue policies.
    pub(crate) fn policy_rules(&self) -> PolicyRules {
        PolicyRules {
            longest_poll: self.queue.poll_range().longest,
        }
    }

    fn validate_server(&self) -> anyhow::Result<()> {
        if self.trusts_x_user_id() && !self.server.bind.ip().is_loopback() {
            let instead = match self.identity.trust_x_user_id {
                Some(true) => "remove identity.trust_x_user_id",
                _ => "set identity.hs256_secret or identity.jwks_file",
            };
            bail!(
                "server.bind: {} is reachable from other machines while a bare X-User-Id header is \
                 trusted; {instead}, or bind to 127.0.0.1",
                self.server.bind
            );
        }
        ensure!(
            self.server.workers <= 1_024,
            "server.workers: at most 1024; 0 means one for each processor"
        );
        ensure!(self.server.grace_s <= 3_600, "server.grace_s: at most 3600");
        ensure!(
            self.server.streams_max <= 1_000_000,
            "server.streams_max: at most 1000000; 0 means none"
        );
        Ok(())
    }

    /// Checks that the stores and the keys fit each other.
    fn validate_stores(&self) -> anyhow::Result<()> {
        let wants_redis = match (self.queue.backend, self.cache.backend) {
            (QueueBackend::Redis, _) => Some("queue.backend = \"redis\""),
            (_, CacheBackend::Redis) => Some("cache.backend = \"redis\""),
            _ => None,
        };
        self.redis.validate(wants_redis)?;
        let has_mysql = matches!(self.database_kind(), DatabaseKind::MySql(_));
        ensure!(
            has_mysql || self.queue.backend != QueueBackend::MySql,
            "database.url: must be mysql://USER:PASSWORD@HOST:PORT/DATABASE with \
             queue.backend = \"mysql\""
        );
        if self.queue.backend == QueueBackend::Embedded {
            return Ok(());
        }
        // Instances that share a queue must accept the same tokens, admin keys and identities. A
        // key that each instance generates in its own data folder would differ between them.
        ensure!(
            !self.queue.token_keys.is_empty(),
            "queue.token_keys: required if instances share the queues, such as \
             FRONTROW_QUEUE__TOKEN_KEYS__MAIN=…"
        );
        ensure!(
            !self.admin.keys.is_empty(),
            "admin.keys: required if instances share the queues, such as \
             FRONTROW_ADMIN__KEYS__OPS=…"
        );
        let identity = &self.identity;
        ensure!(
            identity.hs256_secret.is_some()
                || identity.jwks_file.is_some()
                || identity.trust_x_user_id == Some(true),
            "identity.hs256_secret: required if instances share the queues, or set \
             identity.jwks_file or, for a trial on 127.0.0.1, identity.trust_x_user_id"
        );
        Ok(())
    }

    fn validate_queue(&self) -> anyhow::Result<()> {
        let queue = &self.queue;
        within("queue.recovery_s", queue.recovery().lasts, &Recovery::RANGE)?;
        ensure!(
            (10..=600_000).contains(&queue.shortest_poll_ms)
                && (queue.shortest_poll_ms..=600_000).contains(&queue.longest_poll_ms),
            "queue.shortest_poll_ms and queue.longest_poll_ms: from 10 to 600000, in this order"
        );
        let rules = self.policy_rules();
        if let Some((field, why)) = QueuePolicy::usual(&rules).faults(&rules).first() {
            bail!("queue.longest_poll_ms: the default policy is not valid with it: {field}: {why}");
        }
        match &queue.signing_key {
            Some(name) => ensure!(
                queue.token_keys.contains_key(name),
                "queue.signing_key: there is no key {name:?} in queue.token_keys"
            ),
            None => ensure!(
                queue.token_keys.len() <= 1,
                "queue.signing_key: required if there are several queue.token_keys"
            ),
        }
        Ok(())
    }

    fn validate_secrets(&self) -> anyhow::Result<()> {
        let token_keys = self
            .queue
            .token_keys
            .iter()
            .map(|(name, secret)| (format!("queue.token_keys.{name}"), secret));
        let identity = self
            .identity
            .hs256_secret
            .iter()
            .map(|secret| ("identity.hs256_secret".to_owned(), secret));
        for (key, secret) in token_keys.chain(identity) {
            ensure!(
                secret.expose().len() >= Secret::MIN_LEN,
                "{key}: at least {} characters",
                Secret::MIN_LEN
            );
        }
        for (name, secret) in &self.admin.keys {
            ensure!(
                !name.is_empty() && name.len() <= 64 && !name.contains(char::is_control),
                "admin.keys: {name:?} is not a name of 1 to 64 bytes without control characters"
            );
            ensure!(
                secret.expose().len() >= 16,
                "admin.keys.{name}: at least 16 characters"
            );
        }
        Ok(())
    }
}

/// Refuses a setting in seconds that is outside its range.
fn within(key: &str, span: Duration, range: &RangeInclusive<Duration>) -> anyhow::Result<()> {
    ensure!(
        range.contains(&span),
        "{key}: from {} to {}",
        range.start().as_secs(),
        range.end().as_secs()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::default();
        change(&mut config);
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn a_trusted_header_is_not_served_beyond_loopback() {
        let open = "0.0.0.0:8080".parse().unwrap();
        let why = refusal(|config| config.server.bind = open);
        assert!(why.starts_with("server.bind"), "{why}");
        let mut config = Config::default();
        config.server.bind = open;
        config.identity.hs256_secret = Some("x".repeat(32).into());
        config.validate().unwrap();
        config.identity.trust_x_user_id = Some(true);
        assert!(config.validate().is_err());
    }

    #[test]
    fn instances_that_share_a_queue_share_their_store_and_keys() {
        let redis: fn(&mut Config) = |c| {
            c.redis.url = Some("redis://127.0.0.1".to_owned().into());
        };
        let mysql: fn(&mut Config) = |c| {
            c.database.url = Some("mysql://127.0.0.1/x".to_owned().into());
        };
        for (backend, store, given) in [
            (QueueBackend::Redis, "redis.url", redis),
            (QueueBackend::MySql, "database.url", mysql),
        ] {
            let mut config = Config::default();
            config.queue.backend = backend;
            let mut needs = |key: &str, change: fn(&mut Config)| {
                let why = config.validate().unwrap_err().to_string();
                assert!(why.starts_with(key), "{key}: {why}");
                change(&mut config);
            };
            needs(store, given);
            needs("queue.token_keys", |c| {
                let key = "x".repeat(32).into();
                c.queue.token_keys.insert("main".into(), key);
            });
            needs("admin.keys", |c| {
                c.admin.keys.insert("ops".into(), "x".repeat(16).into());
            });
            needs("identity", |c| c.identity.trust_x_user_id = Some(true));
            config.validate().unwrap();
        }
    }

    #[test]
    fn an_invalid_setting_is_refused_with_its_key() {
        for (why, key) in [
            (
                refusal(|c| c.queue.recovery_s = 0),
                "queue.recovery_s: from 1 to 86400",
            ),
            (refusal(|c| c.queue.recovery_s = 86_401), "queue.recovery_s"),
            (
                refusal(|c| c.server.streams_max = 1_000_001),
                "server.streams_max",
            ),
            (
                refusal(|c| c.queue.longest_poll_ms = 31_000),
                "queue.longest_poll_ms",
            ),
            (
                refusal(|c| c.queue.longest_poll_ms = 5),
                "queue.shortest_poll_ms",
            ),
            (
                refusal(|c| c.queue.signing_key = Some("a".into())),
                "queue.signing_key",
            ),
            (
                refusal(|c| c.ranking.time_zone = "Mars".into()),
                "ranking.time_zone",
            ),
            (
                refusal(|c| c.reservation.hold_s = 0),
                "reservation.hold_s: from 1 to 3600",
            ),
            (
                refusal(|c| c.reservation.hold_s = 3_601),
                "reservation.hold_s",
            ),
            (
                refusal(|c| c.database.url = Some("oracle:x".to_owned().into())),
                "database.url",
            ),
            (
                refusal(|c| c.identity.hs256_secret = Some("short".to_owned().into())),
                "identity.hs256_secret",
            ),
            (
                refusal(|c| {
                    c.admin.keys.insert(String::new(), "x".repeat(16).into());
                }),
                "admin.keys: ",
            ),
            (
                refusal(|c| {
                    c.admin.keys.insert("ops".into(), "short".to_owned().into());
                }),
                "admin.keys.ops",
            ),
        ] {
            assert!(why.starts_with(key), "{key}: {why}");
        }
    }

    #[test]
    fn event_streams_leave_open_files_for_other_uses() {
        let server = Config::default().server;
        for (open_files, streams) in [
            (0, 0),
            (1_024, 512),
            (4_096, 3_096),
            (20_000, 10_000),
            (u64::MAX, 10_000),
        ] {
            assert_eq!(server.streams_within(open_files), streams, "{open_files}");
        }
    }
}
