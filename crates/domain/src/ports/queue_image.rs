use async_trait::async_trait;

use super::StoreResult;
use crate::model::ImageStamp;

/// The file in which a clean stop keeps queues that are in the memory of the process.
///
/// It has all that the queues know: places with their deadlines and heartbeats, generation, last
/// arrival, admission window, departures, ends remembered after a loss, and the policy.
///
/// # Time The time between [`write`](Self::write) and [`install`](Self::install) does not count: a
/// place has as long to go after it as before, whichever way the clock went meanwhile. Admission
/// windows do go on.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait QueueImage: Send + Sync {
    /// Takes all queues out of the memory and writes them. To be called when no request and no job
    /// can come any more; one that comes all the same finds no queue. The file appears whole or
    /// not at all, and is on the disk when this returns.
    async fn write(&self, stamp: ImageStamp) -> StoreResult<ImageSize>;

    /// Reads and checks the file, and keeps what is in it for [`install`](Self::install). None
    /// where there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or has a format of another version.
    async fn load(&self) -> StoreResult<Option<ImageStamp>>;

    /// Puts the queues that were loaded into the memory, which has none yet. Returns how much that
    /// was.
    async fn install(&self) -> ImageSize;

    /// Removes the file and an unfinished one, if there are any, and forgets what was loaded.
    async fn remove(&self) -> StoreResult<()>;
}

/// How much an image has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImageSize {
    /// Queues, also those without places.
    pub queues: usize,
    /// Waiting and active places of all of them.
    pub places: usize,
}
