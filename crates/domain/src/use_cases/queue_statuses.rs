//! What this instance last saw of every queue.

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

/// What this instance last saw of every queue: enough to say how long a wait will be and what a
/// queue is like without asking its store, and which concerts there are without asking the database.
///
/// It is a hint, never a decision: what a place is worth, the queue's store says.
#[derive(Debug)]
pub struct QueueStatuses {
    poll: PollRange,
    queues: RwLock<HashMap<ConcertId, Seen>>,
    wanted: Mutex<HashSet<ConcertId>>,
    /// Concerts that the database was found not to have (any more).
    absent: RwLock<HashSet<ConcertId>>,
}

#[derive(Debug)]
struct Seen {
    version: PolicyVersion,
    /// The version that the store is known to have in force. None where it may lack the queue.
    in_store: Option<PolicyVersion>,
    view: QueueView,
    estimate: WaitEstimate,
    has_capacity: bool,
}

/// A place as its user is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceReport {
    /// The token that proves it.
    pub token: String,
    /// The place.
    pub place: Place,
    /// When that was true, by the queue's store.
    pub as_of: Timestamp,
    /// How long the wait will be; none when active, or when nobody can say.
    pub estimated_wait: Option<Duration>,
    /// When to look again; none when active.
    pub poll_after: Option<Duration>,
}

/// Why a queue's store has no such queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueMissing {
    /// There is no such concert.
    NoSuchConcert,
    /// There is, and its queue will be given to the store in a moment.
    NotReady,
}

impl QueueStatuses {
    /// How many absent concerts are remembered at most.
    const ABSENT_MAX: usize = 10_000;

    /// An empty statuses.
    #[must_use]
    pub fn new(poll: PollRange) -> Self {
        Self {
            poll,
            queues: RwLock::default(),
            wanted: Mutex::default(),
            absent: RwLock::default(),
        }
    }

    /// Notes that there is a concert, and the master copy of its queue's policy; an older copy than
    /// the one that was noted is no news.
    pub fn note_policy(&self, concert: ConcertId, master: &VersionedPolicy) {
        if self.is_absent(concert) {
            self.absent_mut().remove(&concert);
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

    /// Notes which version of its policy the queue of `concert` has in its store.
    pub fn note_in_store(&self, concert: ConcertId, version: PolicyVersion) {
        if let Some(seen) = self.write().get_mut(&concert) {
            seen.in_store = Some(version);
        }
    }

    /// True where the store is known to have the queue of `concert` with this version of its policy, or
    /// a newer one.
    #[must_use]
    pub fn is_in_store(&self, concert: ConcertId, version: PolicyVersion) -> bool {
        let queues = self.read();
        let in_store = queues.get(&concert).and_then(|seen| seen.in_store);
        in_store.is_some_and(|in_store| in_store >= version)
    }

    /// Forgets a concert that is over. What needs its queue again wants it, and puts it back here.
    pub fn forget(&self, concert: ConcertId) {
        self.write().remove(&concert);
    }

    /// Notes that the database has no such concert: it was deleted, or is not in the backup that the
    /// database was restored from.
    pub fn note_absent(&self, concert: ConcertId) {
        self.write().remove(&concert);
        let mut absent = self.absent_mut();
        if absent.len() >= Self::ABSENT_MAX {
            // Each is found absent again when its next token comes.
            absent.clear();
        }
        absent.insert(concert);
    }

    /// Notes what a tick said. Where the store has an older policy than it had taken, it has lost
    /// writes, and provisioning gives it the policy again.
    pub fn note_tick(&self, concert: ConcertId, tick: &Stamped<TickReport>) {
        let mut has_lost_policy = false;
        if let Some(seen) = self.write().get_mut(&concert) {
            let report = &tick.value;
            has_lost_policy = seen.in_store > Some(report.policy_version);
            if seen.view != report.queue {
                // How fast users were admitted under other rules tells nothing.
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
                "the queue's store has lost a change of the policy: it is given the policy again");
            self.want(concert);
        }
    }

    /// Notes what a queue was said to be like.
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

    /// What a queue was last said to be like; none where this instance knows of no such concert.
    #[must_use]
    pub fn view(&self, concert: ConcertId) -> Option<QueueView> {
        self.read().get(&concert).map(|seen| seen.view)
    }

    /// The limit in time of the policy of `concert`, and its admission window as of the last tick.
    #[must_use]
    pub fn pace(&self, concert: ConcertId) -> (Option<Throughput>, Option<AdmissionWindow>) {
        let queues = self.read();
        let estimate = queues.get(&concert).map(|seen| &seen.estimate);
        estimate.map_or((None, None), WaitEstimate::pace)
    }

    /// The concerts that this instance knows of.
    #[must_use]
    pub fn concerts(&self) -> Vec<ConcertId> {
        self.read().keys().copied().collect()
    }

    /// The queues that were recovering when they were last seen.
    #[must_use]
    pub fn recovering(&self) -> Vec<ConcertId> {
        let queues = self.read();
        let recovering = queues.iter().filter(|(_, seen)| seen.view.recovering);
        recovering.map(|(concert, _)| *concert).collect()
    }

    /// Why the store may have answered that it has no queue of `concert`, which anybody may have named.
    /// Where there should be one, provisioning sees to it.
    pub fn missing(&self, concert: ConcertId) -> QueueMissing {
        if !self.read().contains_key(&concert) {
            return QueueMissing::NoSuchConcert;
        }
        self.want(concert);
        QueueMissing::NotReady
    }

    /// Why the store may have answered that it has no queue of `concert` to the bearer of a token for it.
    /// Unless the database was asked already, provisioning gives the store the queue, or finds that
    /// there is no such concert.
    pub fn missing_for_token(&self, concert: ConcertId) -> QueueMissing {
        if self.is_absent(concert) {
            return QueueMissing::NoSuchConcert;
        }
        self.want(concert);
        QueueMissing::NotReady
    }

    /// Whether the database was found to have no such concert, and nothing was heard of one since.
    pub(super) fn is_absent(&self, concert: ConcertId) -> bool {
        let absent = self.absent.read().unwrap_or_else(PoisonError::into_inner);
        absent.contains(&concert)
    }

    fn absent_mut(&self) -> RwLockWriteGuard<'_, HashSet<ConcertId>> {
        self.absent.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has provisioning give the store the queue of `concert`, which there is by the word of a token that
    /// we signed or of the database, whether or not this instance has heard of it.
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

    /// The queues that requests have missed since this was last asked.
    #[must_use]
    pub fn take_wanted(&self) -> HashSet<ConcertId> {
        std::mem::take(&mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `place` as its user is told of it.
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

    /// How long the wait will be, the time until the queue opens included, and when to ask again.
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
