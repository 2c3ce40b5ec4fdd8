//! The states of lines as they are sent: written once for all who ask.

use std::{sync::Arc, time::Duration};

use frontrow_domain::model::{ConcertId, queue::LineStatus};
use jiff::Timestamp;
use moka::sync::Cache;

use super::{conditional::Tagged, shapes::LineBody};

/// The written form of the newest status of each line that is asked for.
pub(crate) struct LinePages(Cache<ConcertId, Arc<LinePage>>);

/// A status in JSON.
pub(crate) struct LinePage {
    as_of: Timestamp,
    pub(crate) document: Tagged,
}

impl LinePages {
    /// For how many lines a page is kept.
    const MAX: u64 = 1_000;
    /// For how long a page is kept that nobody asks for.
    const IDLE: Duration = Duration::from_mins(1);

    /// The page of a look at `as_of`, written now if it was not before. None where there is no
    /// status.
    pub(crate) fn page(
        &self,
        concert: ConcertId,
        as_of: Timestamp,
        status: impl FnOnce() -> Option<LineStatus>,
    ) -> Option<Arc<LinePage>> {
        let found = self.0.get(&concert).filter(|page| page.as_of == as_of);
        if found.is_some() {
            return found;
        }
        let page = Arc::new(LinePage::write(&status()?));
        self.0.insert(concert, Arc::clone(&page));
        Some(page)
    }
}

impl Default for LinePages {
    fn default() -> Self {
        Self(
            Cache::builder()
                .max_capacity(Self::MAX)
                .time_to_idle(Self::IDLE)
                .build(),
        )
    }
}

impl LinePage {
    fn write(status: &LineStatus) -> Self {
        // No other status of this life of the store is of the same instant, but for the limit in
        // time and the window, which are for display.
        let (generation, as_of) = (status.generation, status.as_of);
        let tag = format!("{generation}-{}", as_of.as_microsecond());
        // A shape of texts and numbers can always be written.
        let body = serde_json::to_vec(&LineBody::from(status)).unwrap_or_default();
        let document = Tagged::new(tag, body);
        Self { as_of, document }
    }
}
