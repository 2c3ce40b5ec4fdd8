//! The departures ahead of users, measured by the positions that a sample of waiting users is
//! shown.

use std::{
    array,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::{Hazards, ShownPosition, real, seconds_between};
use crate::model::{
    later,
    queue::{Arrival, poll::mixed},
};

/// A sample of the waiting users: a few at each depth of the line.
///
/// The ordinal of a user, which is position plus passed, becomes smaller only by users ahead who
/// left. So the difference of two ordinals that a user was shown is the number of those users.
///
/// The arrival of a user decides which slot of the sample, here called seat, the user may have at
/// each depth. The user of a seat, and until when it is kept, are read without a lock.
#[derive(Debug)]
pub(super) struct DepartureSample {
    seats: [[Seat; Self::SEATS]; Hazards::DEPTHS],
    measured: Mutex<Measured>,
}

#[derive(Debug)]
struct Seat {
    /// The arrival of the user who has it, in microseconds since 1970.
    arrival: AtomicI64,
    /// Until when it is kept for that user, in microseconds since 1970.
    until: AtomicI64,
}

#[derive(Debug, Default)]
struct Measured {
    /// The positions that the users of the seats were last shown, by depth.
    seen: [[Option<Seen>; DepartureSample::SEATS]; Hazards::DEPTHS],
    /// The sums, by the depth at which they were measured.
    sums: [Sums; Hazards::DEPTHS],
}

/// The position that the user of a seat was shown, with which the next one is compared.
#[derive(Debug, Clone, Copy)]
struct Seen {
    shown: ShownPosition,
    /// True if the ordinal was exact as of then: after a join, and when it had just changed.
    /// Otherwise it may be of an older snapshot.
    is_current: bool,
}

/// Decayed sums.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// Number of users ahead who left.
    left: f64,
    /// Sum over the users ahead of the seconds in which they might have left.
    exposure: f64,
    /// As of when the sums are decayed.
    at: Option<Timestamp>,
}

impl Default for DepartureSample {
    fn default() -> Self {
        let seat = || Seat {
            arrival: AtomicI64::new(Seat::EMPTY),
            until: AtomicI64::new(Seat::EMPTY),
        };
        Self {
            seats: array::from_fn(|_| array::from_fn(|_| seat())),
            measured: Mutex::default(),
        }
    }
}

impl DepartureSample {
    /// The number of sampled users at each depth.
    const SEATS: usize = 4;
    /// The shortest half-life of the measurement. If answers come from snapshots of the line, the
    /// ordinal of a user is refreshed only twice a minute, so a shorter memory would have a single
    /// answer. [`DepartureTrend`](super::DepartureTrend) shows sooner that departures have stopped.
    const HALF_LIFE: Duration = Duration::from_secs(20);
    /// The number of seconds after which an unchanged ordinal shows that no user left. Before that,
    /// the answers may be from a snapshot.
    const UNCHANGED: f64 = 45.0;
    /// The number of seconds after a join in which no answer is from a snapshot.
    const JUST_JOINED: f64 = 1.0;
    /// A measurement that is older than this is ignored.
    const STALE: Duration = Duration::from_mins(5);
    /// The shortest time for which a seat is kept, even if its user is to poll again at once.
    const KEPT: Duration = Duration::from_secs(5);

    /// Returns the share of a sum that is left after `seconds`. The half-life is one window, but at
    /// least [`Self::HALF_LIFE`].
    pub(super) fn decay(seconds: f64, interval: Option<Duration>) -> f64 {
        let half_life = interval.unwrap_or_default().max(Self::HALF_LIFE);
        (-seconds / half_life.as_secs_f64()).exp2()
    }

    /// Records the position that the user of `arrival` was shown, if that user is in the sample or
    /// can join it.
    pub(super) fn note(
        &self,
        arrival: Arrival,
        shown: &ShownPosition,
        pause: Duration,
        interval: Option<Duration>,
    ) {
        let depth = Hazards::depth(shown.position);
        let seat = seat_of(arrival);
        let until = later(shown.as_of, (pause * 3).max(Self::KEPT)).as_microsecond();
        // Users move towards the head. If the seat there is taken, they keep theirs.
        let held = self
            .column(seat)
            .skip(depth)
            .find(|(_, seat)| seat.arrival.load(Relaxed) == arrival.micros());
        let free = self
            .column(seat)
            .nth(depth)
            .filter(|(_, seat)| seat.until.load(Relaxed) < shown.as_of.as_microsecond());
        if held.is_none() && free.is_none() {
            return;
        }
        // If it is locked, nothing is lost: the next answer shows the same and more.
        let Ok(mut measured) = self.measured.try_lock() else {
            return;
        };
        let mut seen = Seen {
            shown: *shown,
            is_current: seconds_between(arrival.at(), shown.as_of) <= Self::JUST_JOINED,
        };
        if let Some((at_depth, _)) = held
            && let Some(before) = measured.seen(at_depth, seat)
        {
            seen = measured.compare(before, seen, interval);
        }
        let (depth, taken) = match (held, free) {
            (Some((_, left)), Some(taken)) => {
                left.release();
                taken
            }
            (Some(taken), None) | (None, Some(taken)) => taken,
            (None, None) => return,
        };
        taken.arrival.store(arrival.micros(), Relaxed);
        taken.until.store(until, Relaxed);
        measured.keep(depth, seat, seen);
    }

    /// Returns the hazards as measured by `now`, of which the share `persistence` (0 to 1) goes on.
    pub(super) fn hazards(
        &mut self,
        now: Timestamp,
        interval: Option<Duration>,
        persistence: f64,
    ) -> Hazards {
        let stale = Self::STALE
            .max(interval.unwrap_or_default() * 3)
            .as_secs_f64();
        let measured = self
            .measured
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        Hazards::new(measured.sums.map(|sums| match sums.at {
            Some(at) if sums.exposure > 0.0 && seconds_between(at, now) < stale => {
                sums.left / sums.exposure * persistence
            }
            _ => 0.0,
        }))
    }

    /// The seats with this number at all depths, with their depths.
    fn column(&self, seat: usize) -> impl Iterator<Item = (usize, &Seat)> {
        let seats = self.seats.iter().filter_map(move |depth| depth.get(seat));
        seats.enumerate()
    }
}

impl Seat {
    const EMPTY: i64 = i64::MIN;

    fn release(&self) {
        self.until.store(Self::EMPTY, Relaxed);
        self.arrival.store(Self::EMPTY, Relaxed);
    }
}

impl Measured {
    fn seen(&self, depth: usize, seat: usize) -> Option<Seen> {
        *self.seen.get(depth)?.get(seat)?
    }

    fn keep(&mut self, depth: usize, seat: usize, seen: Seen) {
        let seats = self.seen.get_mut(depth);
        if let Some(kept) = seats.and_then(|seats| seats.get_mut(seat)) {
            *kept = Some(seen);
        }
    }

    /// Compares the position `now` of a user with the one `before`. Returns the one with which the
    /// next answer is to be compared.
    fn compare(&mut self, before: Seen, now: Seen, interval: Option<Duration>) -> Seen {
        let (from, to) = (before.shown, now.shown);
        if to.ordinal() > from.ordinal() || to.admitted < from.admitted {
            return now; // users re-entered ahead, or the store lost its counts
        }
        let left = from.ordinal() - to.ordinal();
        let seconds = seconds_between(from.as_of, to.as_of);
        if left == 0 && seconds < DepartureSample::UNCHANGED {
            return before;
        }
        let ahead = u64::midpoint(from.position, to.position);
        let sums = self.sums.get_mut(Hazards::depth(ahead));
        if let Some(sums) = sums.filter(|_| before.is_current) {
            sums.add(to.as_of, real(left), real(ahead) * seconds, interval);
        }
        Seen {
            is_current: true,
            ..now
        }
    }
}

impl Sums {
    fn add(&mut self, now: Timestamp, left: f64, exposure: f64, interval: Option<Duration>) {
        let at = self.at.unwrap_or(now);
        let decay = DepartureSample::decay(seconds_between(at, now), interval);
        self.left = self.left * decay + left;
        self.exposure = self.exposure * decay + exposure;
        self.at = Some(at.max(now));
    }
}

impl ShownPosition {
    /// Position plus passed.
    fn ordinal(&self) -> u64 {
        self.position.saturating_add(self.admitted)
    }
}

/// The seat of each depth that a user may have.
fn seat_of(arrival: Arrival) -> usize {
    let seats = DepartureSample::SEATS as u64;
    let seat = mixed(arrival.micros().cast_unsigned()) % seats;
    usize::try_from(seat).unwrap_or(0)
}
