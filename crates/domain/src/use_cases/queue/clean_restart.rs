use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    model::{DatabaseId, ImageDecision, ImageStamp, RunId, StopNumber},
    ports::{BegunRun, CleanStops, Clock, Ids, ImageSize, QueueImage, StoreError, StoreResult},
};

/// Carries queues that are in the memory of this process over a clean stop, so that the next start
/// need not recover them.
///
/// An image is used at most once, even if a process dies at any time. A stop writes the image and
/// then records its number. A start clears the number, installs the image and then removes it.
/// Between any two of these steps either the record or the image is missing or does not match, and
/// the queues recover as after a crash.
pub struct CleanRestart {
    /// The record of clean stops.
    pub stops: Arc<dyn CleanStops>,
    /// The file.
    pub image: Arc<dyn QueueImage>,
    /// The source of random numbers.
    pub ids: Arc<dyn Ids>,
    /// Measures how long saving and restoring take.
    pub clock: Arc<dyn Clock>,
}

/// A run that may save its queues as it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    id: RunId,
    database: DatabaseId,
}

/// The result of saving the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The next start goes on with them.
    Saved(ImageSize),
    /// Another process serves them already.
    Replaced,
}

impl CleanRestart {
    /// Begins this run, and installs the image of the last stop if it is good. To be called before
    /// the queues are given to their store and before any request. Returns None where this run
    /// cannot save its queues.
    ///
    /// # Errors
    /// When the record cannot be cleared and its image may still be used later.
    pub async fn resume(&self) -> StoreResult<Option<Run>> {
        let begins_at = self.clock.now();
        // Read before clearing, so that a start that dies in between can be repeated.
        let loaded = self.image.load().await;
        let run = RunId(self.ids.random());
        let beginning = self.stops.begin(DatabaseId(self.ids.random()), run);
        let begun = match beginning.await {
            Ok(begun) => begun,
            Err(error) => return self.without_record(&loaded, error).await,
        };
        if is_good(&loaded, begun) {
            let size = self.image.install().await;
            tracing::info!(
                queues = size.queues,
                places = size.places,
                ms = self.millis_since(begins_at),
                "restored the queues of the last clean stop; no recovery is needed"
            );
        }
        if let Err(error) = self.image.remove().await {
            tracing::warn!(%error,
                "failed to remove the queue image of the last stop; no start uses it again and the \
                 next stop replaces it; it contains user ids");
        }
        Ok(Some(Run {
            id: run,
            database: begun.database,
        }))
    }

    /// Goes on although the record cannot be cleared, if the image can never be used later.
    async fn without_record(
        &self,
        loaded: &StoreResult<Option<ImageStamp>>,
        error: StoreError,
    ) -> StoreResult<Option<Run>> {
        let is_elsewhere = matches!(loaded, Ok(None));
        if is_elsewhere && self.stops.recorded().await?.is_some() {
            return Err(error);
        }
        self.image.remove().await?;
        tracing::warn!(%error,
            "failed to record the start in the database; queues with users recover now and after \
             the next stop, and admit no user for queue.recovery_s");
        Ok(None)
    }

    /// Writes the image of this stop and records the stop. To be called when no request and no job
    /// can come any more.
    ///
    /// # Errors
    /// When the file or the record cannot be written. Then the next start recovers, or goes on with
    /// the queues if only the answer to the record was lost.
    pub async fn save(&self, run: Run) -> StoreResult<Saved> {
        let begins_at = self.clock.now();
        let stamp = ImageStamp {
            database: run.database,
            stop: StopNumber(self.ids.random()),
        };
        let size = self.image.write(stamp).await?;
        if !self.stops.record(run.id, stamp.stop).await? {
            self.image.remove().await?;
            return Ok(Saved::Replaced);
        }
        tracing::info!(
            queues = size.queues,
            places = size.places,
            ms = self.millis_since(begins_at),
            "the queues are saved; the next start restores them"
        );
        Ok(Saved::Saved(size))
    }

    fn millis_since(&self, instant: Timestamp) -> i128 {
        self.clock.now().duration_since(instant).as_millis()
    }
}

/// Decides whether the image is used, and logs why not.
fn is_good(loaded: &StoreResult<Option<ImageStamp>>, begun: BegunRun) -> bool {
    match loaded {
        Ok(Some(stamp)) => match ImageDecision::of(*stamp, begun.database, begun.stop) {
            ImageDecision::Use => return true,
            ImageDecision::Refuse(why) => tracing::warn!(
                "the queue image is not used because {why}; queues with users recover and admit no \
                 user for queue.recovery_s"
            ),
        },
        Ok(None) if begun.stop.is_some() => tracing::warn!(
            "the queue image of the last stop is missing; queues with users recover and admit no \
             user for queue.recovery_s"
        ),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error,
            "failed to read the queue image of the last stop; queues with users recover and admit \
             no user for queue.recovery_s"),
    }
    false
}

/// Clears the record of a clean stop if the queues are not in the memory of this process any more:
/// an image of an earlier configuration must not come back later.
///
/// # Errors
/// When the database fails.
pub async fn forget_clean_stop(stops: &dyn CleanStops, ids: &dyn Ids) -> StoreResult<()> {
    if stops.recorded().await?.is_some() {
        let run = RunId(ids.random());
        stops.begin(DatabaseId(ids.random()), run).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
