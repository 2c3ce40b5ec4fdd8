//! Observations of a queue: by its users, and in its store.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::Value;

use crate::{lives::instant, stores::QueueRecord};

/// Who looked. What one of them sees is in the order in which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Witness {
    Guest,
    Store,
}

/// One look at one place. Instants are microseconds since 1970 by the store's clock.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) by: Witness,
    pub(super) user: String,
    pub(super) arrival: i64,
    /// None while waiting.
    pub(super) admitted_at: Option<i64>,
    /// When it was so.
    pub(super) as_of: i64,
}

/// All that was seen of one user.
#[derive(Debug, Default)]
pub(super) struct Stay {
    /// One, where all is well.
    pub(super) arrivals: BTreeSet<i64>,
    /// One, where all is well, once they were admitted.
    pub(super) admissions: BTreeSet<i64>,
    /// When each first saw them active. That is after the admission: a database shows it to others once it is
    /// committed, and until then they see somebody who waits.
    seen_active: BTreeMap<Witness, i64>,
    /// Somebody saw them waiting after having seen them active.
    pub(super) back_in_line: bool,
    /// When they were last seen active.
    pub(super) active_until: Option<i64>,
}

/// All that was seen of everybody.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) stays: BTreeMap<String, Stay>,
    /// The most people that the store had active at once, where that was looked at.
    pub(super) most_active: usize,
    /// How many the store says that it has moved from the line to the active, when it was last asked.
    pub(super) moved: usize,
    /// When the store's window began, each time it was asked.
    pub(super) window_starts: BTreeSet<i64>,
}

impl Seen {
    /// What the program told of a place.
    pub(super) fn told(user: &str, place: &Value) -> Result<Self> {
        let micros = |field: &str| anyhow::Ok(instant(&place[field])?.as_microsecond());
        let is_active = place["state"] == "active";
        Ok(Self {
            by: Witness::Guest,
            user: user.to_owned(),
            arrival: micros("joined_at")?,
            admitted_at: is_active.then(|| micros("admitted_at")).transpose()?,
            as_of: micros("as_of")?,
        })
    }
}

impl History {
    /// Notes one look.
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

    /// Notes what the store has.
    pub(super) fn note_record(&mut self, record: &QueueRecord) {
        for active in &record.active {
            self.note(Seen {
                by: Witness::Store,
                user: active.user.clone(),
                arrival: active.arrival,
                admitted_at: Some(active.admitted_at),
                as_of: record.now,
            });
        }
        for waiting in &record.waiting {
            self.note(Seen {
                by: Witness::Store,
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
