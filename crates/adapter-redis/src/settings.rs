//! How the adapter deals with its server.

use std::{fmt, time::Duration};

/// Where Redis is, how to connect, and how long to wait for what. [`RedisSettings::new`] is what the
/// product does unless its operator says otherwise.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisSettings {
    /// `redis://[user:password@]host[:port][/database]`. Connections are not encrypted.
    pub url: String,
    /// How long the server may take to let us in. 1 s.
    pub connect_timeout: Duration,
    /// How long the server may take to answer a command. 1 s.
    pub answer_timeout: Duration,
    /// What all keys begin with, so that others may use the same database. `frontrow:`.
    pub key_prefix: String,
}

impl RedisSettings {
    /// The usual settings for the server at `url`.
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
