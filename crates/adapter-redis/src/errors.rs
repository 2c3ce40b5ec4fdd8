//! The one place where a driver's error becomes a [`StoreError`].

use std::{fmt::Display, time::Duration};

use deadpool_redis::{
    PoolError,
    redis::{ErrorKind, RedisError, ServerErrorKind},
};
use frontrow_domain::ports::{Cause, StoreError};

/// The shortest back-off before a retry on a server that is unreachable or not ready.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Error codes that a server returns before it changes anything: it is not ready, it is the wrong
/// server, or it does not authorize this program.
///
/// The codes that only writes meet (`OOM`, `READONLY`, `MISCONF`, `NOREPLICAS`) end a script at its
/// first write. Once a script has written, its further writes are not refused.
const REFUSED: [&str; 15] = [
    "ASK",
    "BUSY",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOREPLICAS",
    "NOSCRIPT",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "WRONGPASS",
];

/// Whether a call may change the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The call only reads, so nothing was changed, however it fails.
    Reads,
    /// The call may write.
    Writes,
}

/// Converts the error of a call with this effect into a failure of the store.
pub(crate) fn failure(error: &RedisError, effect: Effect) -> StoreError {
    let code = error.code().unwrap_or_default();
    if REFUSED.contains(&code) || (code == "NOPERM" && !inside_script(error)) {
        return unavailable(error);
    }
    match (effect, error.kind()) {
        // The driver found the error before it sent anything.
        (_, ErrorKind::Client | ErrorKind::InvalidClientConfig) => StoreError::not_applied(error),
        (Effect::Reads, _) => unavailable(error),
        // The reply did not come, or the script failed halfway.
        (Effect::Writes, _) => StoreError::outcome_unknown(error),
    }
}

/// Returns a failure that says that nothing was applied and that a retry after [`RETRY_AFTER`] may
/// work.
pub(crate) fn unavailable(what: impl Display) -> StoreError {
    StoreError::NotApplied {
        what: format!("Redis: {what}"),
        retry_after: Some(RETRY_AFTER),
        cause: Cause::Other,
    }
}

/// Returns the failure for a reply that none of our scripts returns: perhaps another program uses
/// our keys.
pub(crate) fn unreadable_reply(effect: Effect) -> StoreError {
    let what = "Redis returned a reply that cannot be read";
    match effect {
        Effect::Reads => StoreError::not_applied(what),
        Effect::Writes => StoreError::outcome_unknown(what),
    }
}

/// The reason why a connection is to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionFault {
    /// The server, or the network between, closed the connection.
    Closed,
    /// A reply did not come in time.
    TimedOut,
    /// The server refuses writes: its address may now belong to another server.
    ReadOnly,
    /// A reply did not belong to its request.
    ReplyMismatch,
}

impl ConnectionFault {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Closed => "the server closed the connection",
            Self::TimedOut => "the server did not reply in time",
            Self::ReadOnly => "the server refuses writes",
            Self::ReplyMismatch => "a reply did not belong to its request",
        }
    }
}

/// Returns the fault for which the connection is to be replaced after this error. None if it can be
/// kept.
pub(crate) fn fault(error: &RedisError) -> Option<ConnectionFault> {
    if error.is_timeout() {
        Some(ConnectionFault::TimedOut)
    } else if error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly) {
        Some(ConnectionFault::ReadOnly)
    } else if error.is_unrecoverable_error() {
        Some(ConnectionFault::Closed)
    } else {
        None
    }
}

/// Returns true if the server does not have the script.
pub(crate) fn lacks_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Returns the text of an error of the pool.
pub(crate) fn text(error: &PoolError) -> String {
    match error {
        PoolError::Backend(error) => error.to_string(),
        PoolError::Timeout(_) => "no answer in time".to_owned(),
        other => other.to_string(),
    }
}

/// Returns true if a command inside a script failed, rather than the call of the script.
fn inside_script(error: &RedisError) -> bool {
    error
        .detail()
        .is_some_and(|detail| detail.contains("script: "))
}

#[cfg(test)]
mod tests {
    use deadpool_redis::redis::{Value, parse_redis_value};

    use super::*;

    /// Returns the driver's error for this reply of the server.
    fn server_error(text: &str) -> RedisError {
        match parse_redis_value(format!("-{text}\r\n").as_bytes()) {
            Ok(Value::ServerError(error)) => error.into(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_that_refuses_has_changed_nothing() {
        for text in [
            "ASK 3999 127.0.0.1:6381",
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
            "CLUSTERDOWN The cluster is down",
            "CROSSSLOT Keys in request don't hash to the same slot",
            "LOADING Redis is loading the dataset in memory",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "MISCONF Redis is configured to save RDB snapshots script: 1a2b, on @user_script:12.",
            "MOVED 3999 127.0.0.1:6381",
            "NOAUTH Authentication required.",
            "NOPERM User anna has no permissions to run the 'evalsha' command",
            "NOREPLICAS Not enough good replicas to write. script: 1a2b, on @user_script:12.",
            "NOSCRIPT No matching script. Please use EVAL.",
            "OOM command not allowed when used memory > 'maxmemory'. script: 1a2b, on @user_script:12.",
            "READONLY You can't write against a read only replica. script: 1a2b, on @user_script:12.",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "WRONGPASS invalid username-password pair or user is disabled.",
        ] {
            let failure = failure(&server_error(text), Effect::Writes);
            assert_eq!(failure.retry_after(), Some(RETRY_AFTER), "{text}");
        }
    }

    #[test]
    fn a_script_that_failed_may_have_written() {
        for text in [
            "ERR Error running script (call to f_1a2b): @user_script:1: attempt to index a nil value",
            "WRONGTYPE Operation against a key holding the wrong kind of value script: 1a2b, on @user_script:9.",
            "NOPERM User anna has no permissions to run the 'zrem' command script: 1a2b, on @user_script:9.",
            "UNKILLABLE an unknown kind",
        ] {
            let write = failure(&server_error(text), Effect::Writes);
            assert!(matches!(write, StoreError::OutcomeUnknown { .. }), "{text}");
            let read = failure(&server_error(text), Effect::Reads);
            assert!(matches!(read, StoreError::NotApplied { .. }), "{text}");
        }
    }

    #[test]
    fn a_reply_that_never_arrives_leaves_the_outcome_unknown() {
        for lost in [
            std::io::ErrorKind::TimedOut,
            std::io::ErrorKind::BrokenPipe,
            std::io::ErrorKind::ConnectionReset,
        ] {
            let error = RedisError::from(std::io::Error::from(lost));
            let write = failure(&error, Effect::Writes);
            assert!(matches!(write, StoreError::OutcomeUnknown { .. }), "{lost}");
            assert!(fault(&error).is_some(), "{lost}");
        }
    }

    #[test]
    fn a_refusal_replaces_the_connection_only_if_the_server_is_read_only() {
        assert_eq!(fault(&server_error("LOADING Redis is loading")), None);
        assert_eq!(fault(&server_error("OOM command not allowed")), None);
        let read_only = server_error("READONLY You can't write against a read only replica.");
        assert_eq!(fault(&read_only), Some(ConnectionFault::ReadOnly));
    }
}
