//! The servers that keep a queue: another one may lack the last writes that the previous one
//! acknowledged.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::later;

/// The name that a server of a store gives itself and that no other server has: the `run_id` of a
/// Redis process, the `@@server_uuid` of a MySQL server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServerId(String);

impl ServerId {
    /// The number of characters of a name that are kept. Known names have at most 40.
    const CHARS_MAX: usize = 64;

    /// The server with this name. None if the name is empty.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name: String = name.trim().chars().take(Self::CHARS_MAX).collect();
        (!name.is_empty()).then_some(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The servers that have kept a queue, the current one last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Servers(Vec<KeptBy>);

/// A server that has kept a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptBy {
    server: ServerId,
    /// Since when it is the current server, or until when it was.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    recorded_at: Timestamp,
}

impl Servers {
    /// The number of servers that are remembered: more than a cluster with many primaries has.
    const MAX: usize = 8;

    /// The servers of a queue that `server` takes at `now`.
    #[must_use]
    pub fn first(server: Option<&ServerId>, now: Timestamp) -> Self {
        let mut servers = Self::default();
        if let Some(server) = server {
            servers.record(server, now);
        }
        servers
    }

    /// Returns true if an answer of `server` at `now` has to be recorded, because it is not the
    /// current server. Servers that take turns are each recorded twice per `waiting_ttl` only, so
    /// that not every turn costs a write.
    #[must_use]
    pub fn is_news(&self, server: &ServerId, now: Timestamp, waiting_ttl: Duration) -> bool {
        let is_current = self.0.last().is_some_and(|last| last.server == *server);
        let known = self.0.iter().find(|kept| kept.server == *server);
        let is_recent = known.is_some_and(|kept| now < later(kept.recorded_at, waiting_ttl / 2));
        !is_current && !is_recent
    }

    /// Records that `server` keeps the queue at `now`. Returns true if it may lack the last writes
    /// of the previous one.
    ///
    /// A server that kept the queue within the last `waiting_ttl` has them: the servers of a
    /// cluster with many primaries take turns.
    pub fn change(&mut self, server: &ServerId, now: Timestamp, waiting_ttl: Duration) -> bool {
        let Some(last) = self.0.last_mut() else {
            self.record(server, now);
            return false;
        };
        last.recorded_at = now;
        let known = self.0.iter().find(|kept| kept.server == *server);
        let takes_turns = known.is_some_and(|kept| now < later(kept.recorded_at, waiting_ttl));
        self.record(server, now);
        !takes_turns
    }

    fn record(&mut self, server: &ServerId, now: Timestamp) {
        self.0.retain(|kept| kept.server != *server);
        if self.0.len() == Self::MAX {
            self.0.remove(0);
        }
        self.0.push(KeptBy {
            server: server.clone(),
            recorded_at: now,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_mins(5);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn named(name: &str) -> ServerId {
        ServerId::named(name).unwrap()
    }

    #[test]
    fn an_answer_of_the_current_server_needs_no_record() {
        assert_eq!(ServerId::named(" "), None);
        assert_eq!(
            ServerId::named(&"x".repeat(100)),
            Some(named(&"x".repeat(64)))
        );
        let servers = Servers::first(Some(&named("a")), at(0));
        assert!(!servers.is_news(&named("a"), at(1_000), TTL));
        assert!(servers.is_news(&named("b"), at(0), TTL));
    }

    #[test]
    fn the_first_known_server_means_no_loss() {
        let mut servers = Servers::first(None, at(0));
        assert!(servers.is_news(&named("a"), at(1), TTL));
        assert!(!servers.change(&named("a"), at(1), TTL));
        assert!(servers.change(&named("b"), at(2), TTL));
    }

    /// Each row: the server that answers, the second, whether the answer has to be recorded, and
    /// whether writes may be lost.
    #[test]
    fn servers_that_take_turns_lose_nothing() {
        let mut servers = Servers::first(Some(&named("a")), at(0));
        for (name, second, is_news, loses) in [
            ("b", 10, true, true),
            ("a", 20, false, false),
            ("b", 25, false, false),
            ("a", 160, true, false),
            ("b", 309, false, false),
            ("b", 311, true, false),
            ("c", 400, true, true),
            ("a", 799, true, true),
        ] {
            let name = named(name);
            assert_eq!(
                servers.is_news(&name, at(second), TTL),
                is_news,
                "{name} {second}"
            );
            if is_news {
                let lost = servers.change(&name, at(second), TTL);
                assert_eq!(lost, loses, "{name} {second}");
            }
        }
    }

    #[test]
    fn only_the_last_servers_are_kept() {
        let mut servers = Servers::default();
        for number in 0..20 {
            servers.change(&named(&number.to_string()), at(number), TTL);
        }
        assert_eq!(servers.0.len(), Servers::MAX);
    }
}
