//! The reasons why a Redis server cannot be used, with texts for the operator.

/// A Redis server cannot be used. Each text is one line. It contains no password and, unless the
/// URL is wrong, the address of the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisOpenError {
    /// The URL is not a URL of Redis, or the settings are invalid.
    #[error("the URL of Redis is wrong: {why}")]
    BadUrl {
        /// What is wrong with it.
        why: String,
    },
    /// The server does not answer, or refuses the login.
    #[error("cannot reach Redis at {server}: {why}")]
    Unreachable {
        /// The server.
        server: String,
        /// The error of the driver or the server.
        why: String,
    },
    /// The server is older than the oldest version that Frontrow supports.
    #[error("Redis at {server} is too old: it is {version}, and {needed} or later is needed")]
    OldServer {
        /// The server.
        server: String,
        /// Its version.
        version: String,
        /// The oldest supported version.
        needed: String,
    },
    /// The server may evict keys when its memory is full: users would lose their places.
    #[error(
        "Redis at {server} may evict the queues when its memory is full (maxmemory-policy is {policy}): \
         set it to noeviction, or to one of volatile-*, which spare them"
    )]
    Evicts {
        /// The server.
        server: String,
        /// Its eviction policy.
        policy: String,
    },
    /// The queues are stored in the format of another version of Frontrow.
    #[error(
        "the queues on Redis at {server} have format {format}, this program knows {known}: \
         stop one of the two versions"
    )]
    OtherFormat {
        /// The server.
        server: String,
        /// The format that is recorded there.
        format: String,
        /// The format that this program knows.
        known: String,
    },
}
