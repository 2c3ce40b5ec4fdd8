use async_trait::async_trait;

use super::StoreResult;
use crate::model::ImageStamp;

/// The file in which a clean stop saves the queues that are in the memory of the process.
///
/// - Called by: [`CleanRestart`](crate::use_cases::CleanRestart).
/// - Implemented by: `QueueImageFile`.
///
/// The file has the whole state of the queues: places with their deadlines and heartbeats,
/// generation, last arrival, admission window, departures, the ended places that are remembered
/// after a loss, and the policy.
///
/// # Time
/// The time between [`write`](Self::write) and [`install`](Self::install) does not count: a place
/// has as long to its deadline after it as before, whichever way the clock stepped meanwhile.
/// Admission windows do go on.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait QueueImage: Send + Sync {
    /// Takes all queues out of the memory and writes them to the file. Call it when no request and
    /// no job can come any more. A later one finds no queue. The file appears whole or not at all,
    /// and is on the disk when this returns.
    async fn write(&self, stamp: ImageStamp) -> StoreResult<ImageSize>;

    /// Reads and checks the file, and keeps its contents for [`install`](Self::install). None if
    /// there is no file.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or has the format of another version.
    async fn load(&self) -> StoreResult<Option<ImageStamp>>;

    /// Puts the loaded queues into the memory, which has none yet. Returns their number and size.
    async fn install(&self) -> ImageSize;

    /// Removes the file and an unfinished one, if they exist, and drops what was loaded.
    async fn remove(&self) -> StoreResult<()>;
}

/// The size of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImageSize {
    /// Number of queues, including those without places.
    pub queues: usize,
    /// Number of waiting and active places in all of them.
    pub places: usize,
}
