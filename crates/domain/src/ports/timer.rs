use std::time::Duration;

use async_trait::async_trait;

/// Waits, for time-outs and back-offs.
///
/// - Called by: [`TopConcerts`](crate::read_models::TopConcerts),
///   [`ChangeQueuePolicy`](crate::use_cases::ChangeQueuePolicy).
/// - Implemented by: `SystemTimer`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Timer: Send + Sync {
    /// Returns after `span`.
    async fn sleep(&self, span: Duration);
}
