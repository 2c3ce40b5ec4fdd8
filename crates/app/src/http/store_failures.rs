//! Logs requests that fail because of a store error.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use frontrow_domain::ports::{Cause, StoreError};

/// The shortest time between two log lines of one cause.
const PACE: Duration = Duration::from_secs(1);

/// Counts the requests that failed for one cause, and limits the rate of log lines about them. In
/// an outage, thousands of requests a second fail for the same reason.
struct Failures {
    requests: AtomicU64,
    logged: Mutex<Option<Instant>>,
}

impl Failures {
    const fn none() -> Self {
        Self {
            requests: AtomicU64::new(0),
            logged: Mutex::new(None),
        }
    }

    /// Counts one more failure. Returns the number since the last line if another line is due.
    fn one_more(&self) -> Option<u64> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        #[expect(
            clippy::disallowed_methods,
            reason = "limits the rate of log lines and decides nothing else"
        )]
        let now = Instant::now();
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let due = logged.is_none_or(|at| now.duration_since(at) >= PACE);
        due.then(|| {
            *logged = Some(now);
            self.requests.swap(0, Ordering::Relaxed)
        })
    }
}

/// The failures of each cause, with separate rates, so that other failures do not hide a full disk.
struct Causes {
    other: Failures,
    disk_full: Failures,
}

impl Causes {
    const fn none() -> Self {
        Self {
            other: Failures::none(),
            disk_full: Failures::none(),
        }
    }

    fn of(&self, cause: Cause) -> &Failures {
        match cause {
            Cause::Other => &self.other,
            Cause::DiskFull => &self.disk_full,
        }
    }
}

/// Logs a request that failed because of a store error, at most once a second for each cause.
pub(super) fn log(error: &StoreError) {
    static CAUSES: Causes = Causes::none();
    let cause = error.cause();
    let Some(requests) = CAUSES.of(cause).one_more() else {
        return;
    };
    match cause {
        Cause::Other => tracing::warn!(%error, requests,
            "requests failed because of a store error; they were answered 503"),
        Cause::DiskFull => tracing::error!(%error, requests,
            "disk full: requests that write are refused until space is freed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_logged_once_a_second_and_counted_meanwhile() {
        let failures = Failures::none();
        assert_eq!(failures.one_more(), Some(1));
        assert_eq!(failures.one_more(), None);
        assert_eq!(failures.one_more(), None);
        *failures.logged.lock().unwrap() = None;
        assert_eq!(failures.one_more(), Some(3));
    }

    #[test]
    fn a_full_disk_is_logged_beside_other_failures_in_the_same_second() {
        let causes = Causes::none();
        assert_eq!(causes.of(Cause::Other).one_more(), Some(1));
        assert_eq!(causes.of(Cause::DiskFull).one_more(), Some(1));
        assert_eq!(causes.of(Cause::Other).one_more(), None);
        assert_eq!(causes.of(Cause::DiskFull).one_more(), None);
    }
}
