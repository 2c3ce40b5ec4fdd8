//! The settings of Redis, for queues or rankings.

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use super::StoreUrl;

/// The settings of Redis.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Redis {
    /// `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`.
    pub(crate) url: Option<StoreUrl>,
    /// The time limit for opening a connection, in milliseconds.
    pub(crate) connect_timeout_ms: u64,
    /// The time limit for an answer, in milliseconds.
    pub(crate) answer_timeout_ms: u64,
    /// The prefix of all keys, so that other programs can use the same Redis.
    pub(crate) key_prefix: String,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            url: None,
            connect_timeout_ms: 1_000,
            answer_timeout_ms: 1_000,
            key_prefix: "frontrow:".into(),
        }
    }
}

impl Redis {
    /// Refuses values that cannot work. `wanted_by` is the setting that needs a Redis, if there is
    /// one.
    pub(super) fn validate(&self, wanted_by: Option<&str>) -> anyhow::Result<()> {
        match (&self.url, wanted_by) {
            (None, Some(setting)) => {
                anyhow::bail!("redis.url: {setting} needs it, such as redis://127.0.0.1:6379")
            }
            (None, None) => {}
            // The URL is not quoted, because it may contain a password.
            (Some(url), _) => ensure!(
                url.expose().starts_with("redis://"),
                "redis.url: must be redis:// and HOST:PORT"
            ),
        }
        for (key, millis) in [
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("answer_timeout_ms", self.answer_timeout_ms),
        ] {
            ensure!(
                (10..=60_000).contains(&millis),
                "redis.{key}: from 10 to 60000"
            );
        }
        let plain = |c: char| c.is_ascii_graphic() && c != '{' && c != '}';
        ensure!(
            self.key_prefix.len() <= 64 && self.key_prefix.chars().all(plain),
            "redis.key_prefix: at most 64 printable ASCII characters without braces"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_setting_is_refused_with_its_key() {
        let refusal = |wanted_by, change: fn(&mut Redis)| {
            let mut redis = Redis::default();
            change(&mut redis);
            redis.validate(wanted_by).unwrap_err().to_string()
        };
        for (why, key) in [
            (
                refusal(Some("queue.backend"), |_| {}),
                "redis.url: queue.backend",
            ),
            (
                refusal(None, |r| r.url = Some("http://hush".to_owned().into())),
                "redis.url",
            ),
            (refusal(None, |r| r.answer_timeout_ms = 1), "redis.answer"),
            (refusal(None, |r| r.connect_timeout_ms = 1), "redis.connect"),
            (refusal(None, |r| r.key_prefix = "{a}".into()), "redis.key"),
        ] {
            assert!(
                why.starts_with(key) && !why.contains("hush"),
                "{key}: {why}"
            );
        }
        Redis::default().validate(None).unwrap();
    }
}
