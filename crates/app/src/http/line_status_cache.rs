//! The states of lines as they are sent: written once for all who ask.

use std::{sync::Arc, time::Duration};

use frontrow_domain::{
    model::{ConcertId, queue::LineStatus},
    use_cases::SharedSnapshot,
};
use jiff::Timestamp;
use moka::sync::Cache;

use super::{conditional::Tagged, shapes::LineBody};

/// The written form of the newest status of each line that is asked for.
pub(crate) struct LineStatusCache(Cache<ConcertId, Arc<SerializedLineStatus>>);

/// A status in JSON.
pub(crate) struct SerializedLineStatus {
    snapshot: SharedSnapshot,
    pub(crate) document: Tagged,
}

impl LineStatusCache {
    /// The maximum number of lines with a page.
    const MAX: u64 = 1_000;
    /// For how long a page is kept. Those of lines that are asked for are written anew long before.
    const KEPT: Duration = Duration::from_mins(1);

    /// The page of a snapshot that is fresh at `now`. None where there is none: a page has to be
    /// [written](Self::write).
    pub(crate) fn fresh(
        &self,
        concert: ConcertId,
        now: Timestamp,
    ) -> Option<Arc<SerializedLineStatus>> {
        let page = self.0.get(&concert);
        page.filter(|page| page.snapshot.is_fresh(now))
    }

    /// The page of a snapshot, or of a newer one: written now with its status if it was not before.
    pub(crate) fn write(
        &self,
        concert: ConcertId,
        snapshot: SharedSnapshot,
        status: &LineStatus,
    ) -> Arc<SerializedLineStatus> {
        // A request that was slow must not put an older page in the place of a newer one.
        let found = self.0.get(&concert);
        if let Some(page) = found.filter(|page| !snapshot.is_newer_than(&page.snapshot)) {
            return page;
        }
        let page = Arc::new(SerializedLineStatus::of(snapshot, status));
        self.0.insert(concert, Arc::clone(&page));
        page
    }
}

impl Default for LineStatusCache {
    fn default() -> Self {
        Self(
            Cache::builder()
                .max_capacity(Self::MAX)
                .time_to_live(Self::KEPT)
                .build(),
        )
    }
}

impl SerializedLineStatus {
    fn of(snapshot: SharedSnapshot, status: &LineStatus) -> Self {
        // No other status of this life of the store is of the same instant, but for the limit in
        // time and the window, which are for display.
        let (generation, as_of) = (status.generation, status.as_of);
        let tag = format!("{generation}-{}", as_of.as_microsecond());
        // Serializing strings and numbers does not fail.
        let body = serde_json::to_vec(&LineBody::from(status)).unwrap_or_default();
        let document = Tagged::new(tag, body);
        Self { snapshot, document }
    }
}
