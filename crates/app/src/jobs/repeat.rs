//! Runs a job at an interval, with back-off after failures.

use std::time::Duration;

use frontrow_domain::ports::{Cause, StoreResult};
use tokio_util::sync::CancellationToken;

/// The longest pause after failures, so that a job resumes soon after an outage.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Runs `work` at once and then every `pace`, until `stop` is cancelled. A run that has begun is
/// finished.
///
/// A failure does not end the loop. It is logged once, even if it repeats, and the pauses grow
/// until a run succeeds. A full disk is logged once as well, also after other failures.
pub(super) async fn repeat(
    name: &'static str,
    pace: impl Fn() -> Duration,
    stop: CancellationToken,
    mut work: impl AsyncFnMut() -> StoreResult<()>,
) {
    let (mut failures, mut disk_full) = (0_u32, false);
    while !stop.is_cancelled() {
        match work().await {
            Ok(()) if failures > 0 => {
                tracing::info!(job = name, failures, "a job succeeds again");
                (failures, disk_full) = (0, false);
            }
            Ok(()) => {}
            Err(error) => {
                failures = failures.saturating_add(1);
                if error.cause() == Cause::DiskFull {
                    if !disk_full {
                        tracing::error!(job = name, %error,
                            "disk full: a job cannot write until space is freed");
                    }
                    disk_full = true;
                } else if failures == 1 {
                    tracing::warn!(job = name, %error, "a job failed; retrying with back-off");
                }
            }
        }
        let pause = pause(pace(), failures);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Returns the pause before the next run. It doubles with each consecutive failure after the first.
fn pause(pace: Duration, failures: u32) -> Duration {
    let doubled = pace.saturating_mul(1 << failures.saturating_sub(1).min(10));
    doubled.min(LONGEST_PAUSE.max(pace))
}

#[cfg(test)]
mod tests {
    use frontrow_domain::ports::StoreError;

    use super::*;

    #[test]
    fn pauses_grow_with_failures_up_to_a_bound() {
        let second = Duration::from_secs(1);
        let pauses = [0, 1, 2, 3, 99].map(|failures| pause(second, failures).as_secs());
        assert_eq!(pauses, [1, 1, 2, 3, 3]);
        let hour = Duration::from_hours(1);
        assert_eq!(pause(hour, 5), hour);
    }

    #[tokio::test]
    async fn failures_end_neither_the_loop_nor_the_process() {
        let stop = CancellationToken::new();
        let mut runs = 0;
        let work = async || {
            runs += 1;
            if runs == 3 {
                stop.cancel();
            }
            Err(StoreError::not_applied("down"))
        };
        repeat("test", || Duration::from_millis(1), stop.clone(), work).await;
        assert_eq!(runs, 3);
    }
}
