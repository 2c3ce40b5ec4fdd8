//! The settings and their defaults.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use frontrow_domain::model::{
    Currency, HOLD_DEFAULT,
    queue::{PollRange, Recovery},
};
use serde::{Deserialize, Serialize};

use frontrow_identity::by_name;

use super::{Database, Redis, Secret};

/// The whole configuration.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The folder of the embedded database and of the keys that are not configured.
    pub(crate) data_dir: PathBuf,
    pub(crate) server: Server,
    pub(crate) database: Database,
    pub(crate) queue: Queue,
    pub(crate) cache: Cache,
    pub(crate) redis: Redis,
    pub(crate) reservation: Reservation,
    pub(crate) points: Points,
    pub(crate) ranking: Ranking,
    pub(crate) identity: Identity,
    pub(crate) admin: Admin,
    pub(crate) demo: Demo,
    pub(crate) log: Log,
}

/// The HTTP server.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// The address to listen on; port 0 takes a free one.
    pub(crate) bind: SocketAddr,
    /// Threads that answer requests; 0 means one for each processor.
    pub(crate) workers: usize,
    /// The time that a stop waits for requests in flight, in seconds.
    pub(crate) grace_s: u64,
    /// The maximum number of event streams of this instance.
    pub(crate) streams_max: usize,
}

/// The store of the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub(crate) enum QueueBackend {
    /// This process.
    #[default]
    Embedded,
    /// The database, which must be MySQL or MariaDB.
    MySql,
    /// Redis.
    Redis,
}

/// The store of the ranking cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub(crate) enum CacheBackend {
    /// This process.
    #[default]
    Embedded,
    /// Redis.
    Redis,
}

/// The queues.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Queue {
    /// The store of the queues.
    pub(crate) backend: QueueBackend,
    /// The time for which a lost queue admits no user while users re-enter, in seconds.
    pub(crate) recovery_s: u64,
    /// The shortest pause between two polls of a waiting user, in milliseconds.
    pub(crate) shortest_poll_ms: u64,
    /// The longest pause between two polls of a waiting user, in milliseconds.
    pub(crate) longest_poll_ms: u64,
    /// Secrets that sign queue tokens, by name. Without any, one is generated in the data folder.
    #[serde(deserialize_with = "by_name")]
    pub(crate) token_keys: BTreeMap<String, Secret>,
    /// The key that signs. Tokens of the other keys are accepted. Required if there are several
    /// keys.
    pub(crate) signing_key: Option<String>,
}

/// The ranking cache.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cache {
    /// The store of the ranking cache.
    pub(crate) backend: CacheBackend,
}

/// Holds.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Reservation {
    /// The time for which seats are held, in seconds.
    pub(crate) hold_s: u64,
}

/// Points and prices.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Points {
    /// The currency of prices and points: an ISO 4217 code.
    pub(crate) currency: Currency,
    /// True if users may charge their own points. By default only while `X-User-Id` is trusted.
    pub(crate) self_charge: Option<bool>,
}

/// The ranking of popular concerts.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ranking {
    /// The time zone of days, weeks and months: an IANA name.
    pub(crate) time_zone: String,
}

/// The identities of users: JWTs of an identity provider.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Identity {
    /// True if a bare `X-User-Id` header is trusted. By default only while neither of the next two
    /// settings is set. Refused on an address beyond loopback.
    pub(crate) trust_x_user_id: Option<bool>,
    /// The secret that the identity provider signs with, for HS256.
    pub(crate) hs256_secret: Option<Secret>,
    /// The identity provider's public keys (RFC 7517), for RS256, ES256 and `EdDSA`.
    pub(crate) jwks_file: Option<PathBuf>,
    /// The `iss` that tokens must have.
    pub(crate) issuer: Option<String>,
    /// The `aud` that tokens must have.
    pub(crate) audience: Option<String>,
}

/// The operators, who may edit concerts and policies.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Admin {
    /// Admin keys by the name of their holder. Without any, one is generated in the data folder.
    #[serde(deserialize_with = "by_name")]
    pub(crate) keys: BTreeMap<String, Secret>,
}

/// The demo on-sale.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Demo {
    /// True if a database without any concert gets it at a start. By default an SQLite file does,
    /// and MySQL does not.
    pub(crate) on_first_start: Option<bool>,
}

/// Logging.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// The filter of log lines, in the syntax of `EnvFilter` of `tracing-subscriber`, such as
    /// `info` or `warn,frontrow=debug`.
    pub(crate) filter: String,
    /// The format of log lines.
    pub(crate) format: LogFormat,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// Plain text.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Reads a variant from its name. The error lists the valid names.
macro_rules! choice {
    ($type:ident { $($name:literal => $variant:ident),* $(,)? }) => {
        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                match text.as_str() {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(format!("{text:?} is not one of: {}", [$($name),*].join(", "))),
                }
            }
        }
    };
}

pub(super) use choice;

choice!(QueueBackend { "embedded" => Embedded, "mysql" => MySql, "redis" => Redis });
choice!(CacheBackend { "embedded" => Embedded, "redis" => Redis });
choice!(LogFormat { "text" => Text, "json" => Json });

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "frontrow-data".into(),
            server: Server::default(),
            database: Database::default(),
            queue: Queue::default(),
            cache: Cache::default(),
            redis: Redis::default(),
            reservation: Reservation::default(),
            points: Points::default(),
            ranking: Ranking::default(),
            identity: Identity::default(),
            admin: Admin::default(),
            demo: Demo::default(),
            log: Log::default(),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            bind: (Ipv4Addr::LOCALHOST, 8080).into(),
            workers: 0,
            grace_s: 15,
            streams_max: 10_000,
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        let poll = PollRange::default();
        Self {
            backend: QueueBackend::default(),
            recovery_s: Recovery::DEFAULT.lasts.as_secs(),
            shortest_poll_ms: whole_millis(poll.shortest),
            longest_poll_ms: whole_millis(poll.longest),
            token_keys: BTreeMap::new(),
            signing_key: None,
        }
    }
}

impl Default for Reservation {
    fn default() -> Self {
        Self {
            hold_s: HOLD_DEFAULT.as_secs(),
        }
    }
}

impl Default for Points {
    fn default() -> Self {
        Self {
            currency: Currency::KRW,
            self_charge: None,
        }
    }
}

impl Default for Ranking {
    fn default() -> Self {
        Self {
            time_zone: "Asia/Seoul".into(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info,actix_server=warn".into(),
            format: LogFormat::default(),
        }
    }
}

fn whole_millis(span: Duration) -> u64 {
    span.as_millis().try_into().unwrap_or(u64::MAX)
}

impl Server {
    /// Returns the maximum number of event streams for this limit of open files. Each stream is an
    /// open file, and some files are reserved for everything else.
    pub(crate) fn streams_within(&self, open_files: u64) -> usize {
        const OTHERS: u64 = 1_000;
        let left = open_files - OTHERS.min(open_files / 2);
        self.streams_max
            .min(usize::try_from(left).unwrap_or(usize::MAX))
    }
}

impl Reservation {
    /// Returns the time for which seats are held.
    pub(crate) fn hold_for(&self) -> Duration {
        Duration::from_secs(self.hold_s)
    }
}

impl Queue {
    /// Returns the recovery of a lost queue.
    pub(crate) fn recovery(&self) -> Recovery {
        Recovery::lasting(Duration::from_secs(self.recovery_s))
    }

    /// Returns the range of the pause between two polls.
    pub(crate) fn poll_range(&self) -> PollRange {
        PollRange {
            shortest: Duration::from_millis(self.shortest_poll_ms),
            longest: Duration::from_millis(self.longest_poll_ms),
        }
    }
}

impl Config {
    /// True if a bare `X-User-Id` header is trusted.
    pub(crate) fn trusts_x_user_id(&self) -> bool {
        self.identity
            .trust_x_user_id
            .unwrap_or(self.identity.hs256_secret.is_none() && self.identity.jwks_file.is_none())
    }

    /// True if users may charge their own points.
    pub(crate) fn self_charge(&self) -> bool {
        self.points
            .self_charge
            .unwrap_or_else(|| self.trusts_x_user_id())
    }
}
