//! The settings of the adapter: the address of its server and the time-outs.

use std::{fmt, time::Duration};

/// The address of Redis, its time-outs and the prefix of the keys. [`RedisSettings::new`] has the
/// defaults, which an operator can change.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisSettings {
    /// `redis://[user:password@]host[:port][/database]`. Connections are not encrypted.
    pub url: String,
    /// The longest time to connect and log in. 1 s by default.
    pub connect_timeout: Duration,
    /// The longest time for the reply to a command. 1 s by default.
    pub answer_timeout: Duration,
    /// The prefix of all keys, so that other programs may use the same database. `frontrow:` by
    /// default.
    pub key_prefix: String,
}

impl RedisSettings {
    /// The default settings for the server at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connect_timeout: Duration::from_secs(1),
            answer_timeout: Duration::from_secs(1),
            key_prefix: "frontrow:".to_owned(),
        }
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("connect_timeout", &self.connect_timeout)
            .field("answer_timeout", &self.answer_timeout)
            .field("key_prefix", &self.key_prefix)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let settings = RedisSettings::new("redis://anna:secret@example.com");
        assert!(!format!("{settings:?}").contains("secret"));
    }
}
