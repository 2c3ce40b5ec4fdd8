//! Observations of a queue: by its users, and in its store.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::Value;

use crate::{lifetimes::instant, stores::QueueRecord};

/// The source of an observation. The observations of one source are in the order in which they were
/// made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Answer,
    Store,
}

/// One observation of one place. Instants are microseconds since 1970 by the store's clock.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) by: Source,
    pub(super) user: String,
    pub(super) arrival: i64,
    /// None while the user waits.
    pub(super) admitted_at: Option<i64>,
    /// The instant of the observation.
    pub(super) as_of: i64,
}

/// All observations of one user.
#[derive(Debug, Default)]
pub(super) struct Stay {
    /// One, if all is well.
    pub(super) arrivals: BTreeSet<i64>,
    /// One for an admitted user, if all is well.
    pub(super) admissions: BTreeSet<i64>,
    /// The first observation of the active user by each source. It is later than the admission: a
    /// database shows an admission to others once it is committed, and until then they see a
    /// waiting user.
    seen_active: BTreeMap<Source, i64>,
    /// A source saw the user waiting after having seen them active.
    pub(super) back_in_line: bool,
    /// The last observation of the active user.
    pub(super) active_until: Option<i64>,
}

/// All observations of all users.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) stays: BTreeMap<String, Stay>,
    /// The largest number of active users in the store, where that was read.
    pub(super) most_active: usize,
    /// The store's counter of users moved from the line to the active, at the last read.
    pub(super) moved: usize,
    /// The beginnings of the store's windows, from each read.
    pub(super) window_starts: BTreeSet<i64>,
}

impl Seen {
    /// The observation in an answer about a place.
    pub(super) fn from_answer(user: &str, place: &Value) -> Result<Self> {
        let micros = |field: &str| anyhow::Ok(instant(&place[field])?.as_microsecond());
        let is_active = place["state"] == "active";
        Ok(Self {
            by: Source::Answer,
            user: user.to_owned(),
            arrival: micros("joined_at")?,
            admitted_at: is_active.then(|| micros("admitted_at")).transpose()?,
            as_of: micros("as_of")?,
        })
    }
}

impl History {
    /// Records one observation.
    pub(super) fn note(&mut self, seen: Seen) {
        let stay = self.stays.entry(seen.user).or_default();
        stay.arrivals.insert(seen.arrival);
        stay.admissions.extend(seen.admitted_at);
        if seen.admitted_at.is_some() {
            stay.active_until = stay.active_until.max(Some(seen.as_of));
            stay.seen_active.entry(seen.by).or_insert(seen.as_of);
        } else {
            let active = stay.seen_active.get(&seen.by);
            stay.back_in_line |= active.is_some_and(|active| *active <= seen.as_of);
        }
    }

    /// Records a read of the store.
    pub(super) fn note_record(&mut self, record: &QueueRecord) {
        for active in &record.active {
            self.note(Seen {
                by: Source::Store,
                user: active.user.clone(),
                arrival: active.arrival,
                admitted_at: Some(active.admitted_at),
                as_of: record.now,
            });
        }
        for waiting in &record.waiting {
            self.note(Seen {
                by: Source::Store,
                user: waiting.user.clone(),
                arrival: waiting.arrival,
                admitted_at: None,
                as_of: record.now,
            });
        }
        self.most_active = self.most_active.max(record.active.len());
        self.moved = record.moved;
        self.window_starts.extend(record.window_start);
    }
}
