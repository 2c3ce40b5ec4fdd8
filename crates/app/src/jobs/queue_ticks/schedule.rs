//! The schedule of ticks: when each queue is due, and which due queue comes first.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use frontrow_domain::{
    model::{ConcertId, queue::Pace},
    use_cases::{NextTick, QueueTick},
};
use tokio::time::Instant;

/// The maximum number of concurrent ticks of suspect queues. The other ticks remain for working
/// queues, even if many queues hang.
const SUSPECTS: usize = 2;
/// The pause between two removals of expired places in one queue. It is a little shorter than the
/// longest pace, so that a tick that is a little early also removes them.
const EXPIRY: Duration = Duration::from_millis(900);
/// The shortest pause after a failed tick, also if the tick took longer than the back-off.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(250);

/// A tick that fails after this time has delayed other queues, so its queue becomes a suspect. A
/// single failure that is faster does not: its queue would then wait behind queues that hang.
const HANGS_AFTER: Duration = Duration::from_millis(400);

/// The result of the last tick of a queue. The order of the variants is the order of turns if
/// several queues are due at the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has places, as far as this instance knows.
    InUse,
    /// It has none.
    Resting,
    /// The concert does not exist, even if the store lists its queue.
    NoSuchConcert,
    /// Its last tick hung, or failed as the one before did.
    Suspect,
}

impl Standing {
    /// Returns the delay of such a queue behind a queue in use if both are due.
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
    /// The instant at which the removal of expired places was last completed.
    expired_at: Option<Instant>,
}

/// A queue's turn to be ticked.
#[derive(Debug)]
pub(super) struct ScheduledTick {
    pub(super) concert: ConcertId,
    /// True if the tick also removes expired places.
    pub(super) expire: bool,
    started: Instant,
    suspect: bool,
}

/// The queues that this instance ticks.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    queues: HashMap<ConcertId, Entry>,
    /// The queues that are not running, by due time: in use, resting, suspect.
    waiting: [BTreeSet<(Instant, ConcertId)>; 3],
    suspects_running: usize,
}

impl Schedule {
    /// Updates the schedule with the queues in use and the other known queues. A new queue is due
    /// at once, and so is a resting queue that is now in use.
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

    /// Takes the next due queue. Queues in use come before others, unless those have waited longer.
    /// None if no queue is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<ScheduledTick> {
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
        Some(ScheduledTick {
            concert,
            expire: entry
                .expired_at
                .is_none_or(|expired| now.duration_since(expired) >= EXPIRY),
            started: now,
            suspect,
        })
    }

    /// Returns the instant at which the next queue that may be ticked is due. None without queues.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.heads().map(|(_, (due, _))| due).min()
    }

    /// Returns the first queue of each kind that may have a turn.
    fn heads(&self) -> impl Iterator<Item = (Standing, (Instant, ConcertId))> {
        let kinds = [Standing::InUse, Standing::Resting, Standing::Suspect];
        let kinds = kinds.into_iter().zip(&self.waiting);
        kinds
            .filter(|(kind, _)| *kind != Standing::Suspect || self.suspects_running < SUSPECTS)
            .filter_map(|(kind, waiting)| waiting.first().map(|first| (kind, *first)))
    }

    /// Records a tick that succeeded at `now`.
    pub(super) fn ticked(&mut self, turn: &ScheduledTick, tick: QueueTick, now: Instant) {
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

    /// Records a tick that failed at `now`.
    pub(super) fn failed(&mut self, turn: &ScheduledTick, now: Instant) {
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

    fn end(&mut self, turn: &ScheduledTick) -> Option<&mut Entry> {
        self.suspects_running -= usize::from(turn.suspect);
        let entry = self.queues.get_mut(&turn.concert)?;
        entry.running = false;
        Some(entry)
    }

    /// Schedules a queue that is not running.
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
