use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{sleep, timeout};

/// Pause between two attempts.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(10);

/// Calls `look` repeatedly until it finds something, and returns that.
///
/// Errors as soon as `look` does, or after `limit`. The limit ends the wait for an event that never
/// happens: choose it generously. `what` names the awaited event in the message.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let looking = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            sleep(BETWEEN_ATTEMPTS).await;
        }
    };
    match timeout(limit, looking).await {
        Ok(found) => found,
        Err(_) => bail!("waited {limit:?} in vain: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn calls_look_until_it_finds_something() {
        let mut looks = 0;
        let found = eventually("the third look", SOON, async || {
            looks += 1;
            Ok((looks == 3).then_some("found"))
        });
        assert_eq!(found.await.unwrap(), "found");
        assert_eq!(looks, 3);
    }

    #[tokio::test]
    async fn the_error_names_the_awaited_event() {
        let limit = Duration::from_millis(30);
        let waited = eventually("a miracle", limit, async || Ok(None::<()>)).await;
        assert_eq!(
            waited.unwrap_err().to_string(),
            "waited 30ms in vain: a miracle"
        );
    }

    #[tokio::test]
    async fn a_failing_look_ends_the_wait() {
        let waited = eventually("anything", SOON, async || -> Result<Option<()>> {
            bail!("no more")
        });
        assert_eq!(waited.await.unwrap_err().to_string(), "no more");
    }
}
