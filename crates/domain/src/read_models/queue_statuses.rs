//! The last known status of every queue, in the memory of this instance.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    model::{
        ConcertId,
        queue::{
            AdmissionWindow, LineTick, Place, PolicyVersion, PollRange, QueueView, SaleState,
            ShownPosition, Standing, Throughput, VersionedPolicy, WaitEstimate,
        },
    },
    ports::{Stamped, TickReport},
};

/// The last known status of every queue. It is enough to estimate waits and to show a
/// queue without asking its store, and to know which concerts exist without asking the database.
///
/// All of this is a hint, never a decision: only the queue's store decides about a place.
#[derive(Debug)]
pub struct QueueStatuses {
    poll: PollRange,
    queues: RwLock<HashMap<ConcertId, Seen>>,
    wanted: Mutex<HashSet<ConcertId>>,
    /// Concerts that the database was found to lack.
    missing_concerts: RwLock<HashSet<ConcertId>>,
}

#[derive(Debug)]
struct Seen {
    version: PolicyVersion,
    /// The version that the store is known to have in force. None if it may lack the queue.
    in_store: Option<PolicyVersion>,
    view: QueueView,
    estimate: WaitEstimate,
    has_capacity: bool,
}

/// A place as it is reported to its user.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceReport {
    /// The token that proves it.
    pub token: String,
    /// The place.
    pub place: Place,
    /// The instant of the place, by the clock of the queue's store.
    pub as_of: Timestamp,
    /// The estimated wait. None if the place is active, or if the wait cannot be estimated.
    pub estimated_wait: Option<Duration>,
    /// The pause until the next poll. None if the place is active.
    pub poll_after: Option<Duration>,
}

/// Why a queue's store lacks a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueMissing {
    /// There is no such concert.
    NoSuchConcert,
    /// The concert exists, and provisioning is about to give its queue to the store.
    NotReady,
}

impl QueueStatuses {
    /// The maximum number of missing concerts that are remembered.
    const MISSING_MAX: usize = 10_000;

    /// Creates statuses that know no queue.
    #[must_use]
    pub fn new(poll: PollRange) -> Self {
        Self {
            poll,
            queues: RwLock::default(),
            wanted: Mutex::default(),
            missing_concerts: RwLock::default(),
        }
    }

    /// Records that a concert exists, and the master copy of its queue's policy. Ignores a copy
    /// that is not newer than the recorded one.
    pub fn note_policy(&self, concert: ConcertId, master: &VersionedPolicy) {
        if self.is_missing(concert) {
            self.missing_mut().remove(&concert);
        }
        let policy = &master.policy;
        let mut queues = self.write();
        let seen = queues.entry(concert).or_insert_with(|| Seen {
            version: PolicyVersion(i64::MIN),
            in_store: None,
            view: QueueView::new(policy, false, SaleState::default()),
            estimate: WaitEstimate::default(),
            has_capacity: false,
        });
        if master.version > seen.version {
            seen.version = master.version;
            seen.view = QueueView::new(policy, seen.view.recovering, seen.view.sale);
            seen.estimate.set_throughput(policy.throughput);
            seen.has_capacity = policy.capacity.is_some();
        }
    }

    /// Records which version of its policy the queue of `concert` has in its store.
    pub fn note_in_store(&self, concert: ConcertId, version: PolicyVersion) {
        if let Some(seen) = self.write().get_mut(&concert) {
            seen.in_store = Some(version);
        }
    }

    /// True if the store is known to have the queue of `concert` with this version of its policy,
    /// or a newer one.
    #[must_use]
    pub fn is_in_store(&self, concert: ConcertId, version: PolicyVersion) -> bool {
        let queues = self.read();
        let in_store = queues.get(&concert).and_then(|seen| seen.in_store);
        in_store.is_some_and(|in_store| in_store >= version)
    }

    /// Removes a concert that is over. A caller that needs its queue again requests provisioning
    /// ([`QueueStatuses::want`]), which puts it back here.
    pub fn forget(&self, concert: ConcertId) {
        self.write().remove(&concert);
    }

    /// Records that the database lacks a concert: it was deleted, or is not in the backup that the
    /// database was restored from.
    pub fn note_missing(&self, concert: ConcertId) {
        self.write().remove(&concert);
        let mut missing = self.missing_mut();
        if missing.len() >= Self::MISSING_MAX {
            // Each is found missing again when its next token arrives.
            missing.clear();
        }
        missing.insert(concert);
    }

    /// Records the report of a tick. If the store has an older policy than it had taken, it has
    /// lost writes, and provisioning gives it the policy again.
    pub fn note_tick(&self, concert: ConcertId, tick: &Stamped<TickReport>) {
        let mut has_lost_policy = false;
        if let Some(seen) = self.write().get_mut(&concert) {
            let report = &tick.value;
            has_lost_policy = seen.in_store > Some(report.policy_version);
            if seen.view != report.queue {
                // The rate of admissions under other rules says nothing about the present ones.
                seen.estimate.forget_admissions();
                seen.view = report.queue;
            }
            seen.estimate.note(&LineTick {
                as_of: tick.as_of,
                state: report.queue.effective(tick.as_of),
                waiting: report.waiting.saturating_sub(report.aside),
                aside: report.aside,
                admitted: report.admitted,
                departed: report.departed,
                more: report.more,
                has_capacity: seen.has_capacity,
                throughput: report.throughput,
                window: report.window,
            });
        }
        if has_lost_policy {
            tracing::warn!(%concert, version = tick.value.policy_version.0,
                "the queue store lost a policy change; provisioning writes the policy again");
            self.want(concert);
        }
    }

    /// Records the view of a queue that its store returned.
    pub fn note_view(&self, concert: ConcertId, view: QueueView) {
        let news = self
            .read()
            .get(&concert)
            .is_some_and(|seen| seen.view != view);
        if news && let Some(seen) = self.write().get_mut(&concert) {
            seen.estimate.forget_admissions();
            seen.view = view;
        }
    }

    /// Returns the last recorded view of a queue. None if this instance does not know the concert.
    #[must_use]
    pub fn view(&self, concert: ConcertId) -> Option<QueueView> {
        self.read().get(&concert).map(|seen| seen.view)
    }

    /// Returns the throughput limit in the policy of `concert`, and its admission window as of the
    /// last tick.
    #[must_use]
    pub fn pace(&self, concert: ConcertId) -> (Option<Throughput>, Option<AdmissionWindow>) {
        let queues = self.read();
        let estimate = queues.get(&concert).map(|seen| &seen.estimate);
        estimate.map_or((None, None), WaitEstimate::pace)
    }

    /// Returns the concerts that this instance knows.
    #[must_use]
    pub fn concerts(&self) -> Vec<ConcertId> {
        self.read().keys().copied().collect()
    }

    /// Returns the queues that were recovering by their last recorded view.
    #[must_use]
    pub fn recovering(&self) -> Vec<ConcertId> {
        let queues = self.read();
        let recovering = queues.iter().filter(|(_, seen)| seen.view.recovering);
        recovering.map(|(concert, _)| *concert).collect()
    }

    /// Returns why the store lacks the queue of `concert`, which may be any id that a client has
    /// sent. If the concert is known, requests provisioning of its queue.
    pub fn missing(&self, concert: ConcertId) -> QueueMissing {
        if !self.read().contains_key(&concert) {
            return QueueMissing::NoSuchConcert;
        }
        self.want(concert);
        QueueMissing::NotReady
    }

    /// Returns why the store lacks the queue of `concert`, for the bearer of a token for it. Unless
    /// the database was found to lack the concert, provisioning gives the store the queue, or finds
    /// that there is no such concert.
    pub fn missing_for_token(&self, concert: ConcertId) -> QueueMissing {
        if self.is_missing(concert) {
            return QueueMissing::NoSuchConcert;
        }
        self.want(concert);
        QueueMissing::NotReady
    }

    /// True if the database was found to lack the concert, and no policy of it was recorded since.
    pub(crate) fn is_missing(&self, concert: ConcertId) -> bool {
        let missing = self
            .missing_concerts
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        missing.contains(&concert)
    }

    fn missing_mut(&self) -> RwLockWriteGuard<'_, HashSet<ConcertId>> {
        self.missing_concerts
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests that provisioning gives the store the queue of `concert`. The concert exists by
    /// a token that this service signed, or by the database. This instance need not know it.
    pub fn want(&self, concert: ConcertId) {
        let known = |seen: &Seen| seen.in_store.is_some();
        let known = self.read().get(&concert).is_some_and(known);
        if known && let Some(seen) = self.write().get_mut(&concert) {
            seen.in_store = None;
        }
        self.wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(concert);
    }

    /// Takes the queues whose provisioning was requested since the last call.
    #[must_use]
    pub fn take_wanted(&self) -> HashSet<ConcertId> {
        std::mem::take(&mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the report of `place` for its user, and records the view of its queue.
    pub fn report(&self, token: String, place: Stamped<Place>) -> PlaceReport {
        let Stamped {
            as_of,
            value: place,
        } = place;
        self.note_view(place.ticket.concert, place.queue);
        let (estimated_wait, poll_after) = match place.standing {
            Standing::Active { .. } => (None, None),
            Standing::Waiting {
                position, admitted, ..
            } => {
                let shown = ShownPosition {
                    as_of,
                    position,
                    admitted,
                };
                let (wait, pause) = self.wait(&place, &shown);
                (wait, Some(pause))
            }
        };
        PlaceReport {
            token,
            place,
            as_of,
            estimated_wait,
            poll_after,
        }
    }

    /// Estimates the wait, including the time until the queue opens, and the pause until the next
    /// poll.
    fn wait(&self, place: &Place, shown: &ShownPosition) -> (Option<Duration>, Duration) {
        let queues = self.read();
        let seen = queues.get(&place.ticket.concert);
        let present = seen.map_or(*shown, |seen| seen.estimate.among_present(shown));
        let wait = seen.and_then(|seen| seen.estimate.wait(&present, &place.queue));
        let pause = self.poll.pause(&place.ticket, shown.position, wait);
        if let Some(seen) = seen {
            seen.estimate.sample(place.ticket.arrival, &present, pause);
        }
        (wait, pause)
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<ConcertId, Seen>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<ConcertId, Seen>> {
        self.queues.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
