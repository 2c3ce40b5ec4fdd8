//! Why a Redis cannot be used, in words for the person who starts the service.

/// A Redis cannot be used. Each text is one line, and says which server; none has a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The URL is none of a Redis.
    #[error("the URL of Redis is wrong: {why}")]
    BadUrl {
        /// What is wrong with it.
        why: String,
    },
    /// The server does not answer, or does not let us in.
    #[error("cannot reach Redis at {server}: {why}")]
    Unreachable {
        /// The server.
        server: String,
        /// What the driver or the server says.
        why: String,
    },
    /// The server is older than what Frontrow needs.
    #[error("Redis at {server} is too old: it is {version}, and {needed} or later is needed")]
    OldServer {
        /// The server.
        server: String,
        /// What it says it is.
        version: String,
        /// What is needed.
        needed: String,
    },
    /// The server throws keys away when its memory is full: people would lose their places.
    #[error(
        "Redis at {server} may evict the queues when its memory is full (maxmemory-policy is {policy}): \
         set it to noeviction, or to one of volatile-*, which spare them"
    )]
    Evicts {
        /// The server.
        server: String,
        /// Its policy.
        policy: String,
    },
    /// The queues are kept in a format that another version of Frontrow uses.
    #[error(
        "the queues on Redis at {server} have format {format}, this program knows {known}: \
         stop one of the two versions"
    )]
    OtherFormat {
        /// The server.
        server: String,
        /// The format that is noted there.
        format: String,
        /// The format that this program knows.
        known: String,
    },
}
