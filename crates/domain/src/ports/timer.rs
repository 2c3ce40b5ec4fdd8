use std::time::Duration;

use async_trait::async_trait;

/// Lets time pass, for what is not to be waited for any longer.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Timer: Send + Sync {
    /// Comes back after `span`.
    async fn sleep(&self, span: Duration);
}
