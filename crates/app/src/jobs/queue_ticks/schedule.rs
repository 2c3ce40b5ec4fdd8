//! When each queue is due, and which of those that are due comes first.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use frontrow_domain::{
    model::{ConcertId, queue::Pace},
    use_cases::{NextTick, QueueTick},
};
use tokio::time::Instant;

/// How many queues that failed last time are ticked at the same time. The other ticks are left to
/// the queues that work, however many hang.
const SUSPECTS: usize = 2;
/// How long after its last expiry a queue is due for another one. It is a little less than the
/// longest pace, so that a tick that comes early does it too.
const EXPIRY: Duration = Duration::from_millis(900);
/// How long a queue that failed is left alone at least, also where its failing tick took longer
/// than the back-off.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(250);

/// A tick that fails after so long kept others from their turns. One that fails sooner, and once, does
/// not make its queue a suspect: it would wait behind queues that hang.
const HANGS_AFTER: Duration = Duration::from_millis(400);

/// How a queue stood when it was last ticked. The order is that in which queues have their turns
/// when several are due at the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has places, as far as this instance knows.
    InUse,
    /// It has none.
    Resting,
    /// There is no such concert, whatever the store lists.
    NoSuchConcert,
    /// Its last tick hung, or failed as the one before did.
    Suspect,
}

impl Standing {
    /// How much later than a queue in use such a queue has its turn when both are due.
    fn stands_back(self) -> Duration {
        match self {
            Self::InUse => Duration::ZERO,
            Self::Suspect => Duration::from_millis(250),
            Self::Resting | Self::NoSuchConcert => Duration::from_secs(1),
        }
    }

    fn index(self) -> usize {
        match self {
            Self::InUse => 0,
            Self::Resting | Self::NoSuchConcert => 1,
            Self::Suspect => 2,
        }
    }
}

#[derive(Debug)]
struct Entry {
    standing: Standing,
    due: Instant,
    running: bool,
    failures: u32,
    /// When expired places were last removed until none was left.
    expired_at: Option<Instant>,
}

/// A queue's turn to be ticked.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) concert: ConcertId,
    /// True where expired places are to be removed too.
    pub(super) expire: bool,
    started: Instant,
    suspect: bool,
}

/// The queues that this instance ticks.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    queues: HashMap<ConcertId, Entry>,
    /// Those that are not running, by when they are due: in use, resting, suspect.
    waiting: [BTreeSet<(Instant, ConcertId)>; 3],
    suspects_running: usize,
}

impl Schedule {
    /// Learns which queues are in use, and which there are besides. A new one is due at once, and so
    /// is one that was resting and is in use.
    pub(super) fn learn(
        &mut self,
        in_use: &HashSet<ConcertId>,
        known: &HashSet<ConcertId>,
        now: Instant,
    ) {
        for concert in in_use {
            let resting = |entry: &Entry| entry.standing == Standing::Resting && !entry.running;
            if self.queues.get(concert).is_none_or(resting) {
                self.put(*concert, Standing::InUse, now);
            }
        }
        for concert in known {
            if !self.has(*concert) {
                self.put(*concert, Standing::Resting, now);
            }
        }
    }

    /// Drops the queues that are neither in use nor known.
    pub(super) fn keep_only(&mut self, in_use: &HashSet<ConcertId>, known: &HashSet<ConcertId>) {
        let waiting = &mut self.waiting;
        self.queues.retain(|concert, entry| {
            let stays = entry.running || in_use.contains(concert) || known.contains(concert);
            if !stays && let Some(waiting) = waiting.get_mut(entry.standing.index()) {
                waiting.remove(&(entry.due, *concert));
            }
            stays
        });
    }

    pub(super) fn has(&self, concert: ConcertId) -> bool {
        self.queues.contains_key(&concert)
    }

    /// Takes the queue whose turn it is out of those that are due: one in use before others, unless they
    /// wait for longer. None where none is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<Turn> {
        let due = self.heads().filter(|(_, (due, _))| *due <= now);
        let first = due.min_by_key(|(standing, (due, _))| *due + standing.stands_back());
        let (standing, (due, concert)) = first?;
        self.waiting
            .get_mut(standing.index())?
            .remove(&(due, concert));
        let entry = self.queues.get_mut(&concert)?;
        entry.running = true;
        let suspect = standing == Standing::Suspect;
        self.suspects_running += usize::from(suspect);
        Some(Turn {
            concert,
            expire: entry
                .expired_at
                .is_none_or(|expired| now.duration_since(expired) >= EXPIRY),
            started: now,
            suspect,
        })
    }

    /// When a queue is due next, as far as it may have its turn then. None without queues.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.heads().map(|(_, (due, _))| due).min()
    }

    /// The first of each kind that may have its turn.
    fn heads(&self) -> impl Iterator<Item = (Standing, (Instant, ConcertId))> {
        let kinds = [Standing::InUse, Standing::Resting, Standing::Suspect];
        let kinds = kinds.into_iter().zip(&self.waiting);
        kinds
            .filter(|(kind, _)| *kind != Standing::Suspect || self.suspects_running < SUSPECTS)
            .filter_map(|(kind, waiting)| waiting.first().map(|first| (kind, *first)))
    }

    /// Notes what a tick that ended at `now` did.
    pub(super) fn ticked(&mut self, turn: &Turn, tick: QueueTick, now: Instant) {
        let (standing, due) = match tick.next {
            NextTick::After(pause) => (Standing::InUse, now + pause),
            NextTick::Wanted => (Standing::InUse, now + Pace::LONGEST.duration()),
            NextTick::Resting => (Standing::Resting, now + Pace::RESTING),
            NextTick::NoSuchConcert => (Standing::NoSuchConcert, now + Pace::RESTING),
        };
        if let Some(entry) = self.end(turn) {
            entry.failures = 0;
            if turn.expire && !tick.expiry_left {
                entry.expired_at = Some(now);
            }
            self.put(turn.concert, standing, due);
        }
    }

    /// Notes that a tick failed at `now`.
    pub(super) fn failed(&mut self, turn: &Turn, now: Instant) {
        if let Some(entry) = self.end(turn) {
            entry.failures = entry.failures.saturating_add(1);
            let hung = now.duration_since(turn.started) >= HANGS_AFTER;
            let standing = if hung || entry.failures > 1 {
                Standing::Suspect
            } else {
                Standing::InUse
            };
            let back_off = turn.started + Pace::back_off(entry.failures);
            let due = back_off.max(now + REST_AFTER_FAILURE);
            self.put(turn.concert, standing, due);
        }
    }

    fn end(&mut self, turn: &Turn) -> Option<&mut Entry> {
        self.suspects_running -= usize::from(turn.suspect);
        let entry = self.queues.get_mut(&turn.concert)?;
        entry.running = false;
        Some(entry)
    }

    /// Has a queue, which is not running, wait until it is due.
    fn put(&mut self, concert: ConcertId, standing: Standing, due: Instant) {
        let entry = self.queues.entry(concert).or_insert(Entry {
            standing,
            due,
            running: false,
            failures: 0,
            expired_at: None,
        });
        if let Some(before) = self.waiting.get_mut(entry.standing.index()) {
            before.remove(&(entry.due, concert));
        }
        (entry.standing, entry.due) = (standing, due);
        if let Some(waiting) = self.waiting.get_mut(standing.index()) {
            waiting.insert((due, concert));
        }
    }
}

#[cfg(test)]
mod tests;
