//! Departures ahead, as a sample of the users who wait is shown them.

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
    queue::{Arrival, poll::stirred},
};

/// A sample of the users who wait: a few at each depth of the line.
///
/// The ordinal of a user, which is the position plus all who were admitted, becomes smaller only by
/// users ahead who left. So two ordinals that a user was shown tell how many those were.
///
/// Each user may be in one of the seats of a depth, which the arrival tells. Anybody can see without a
/// lock who has a seat, and until when it is kept.
#[derive(Debug)]
pub(super) struct Departures {
    seats: [[Seat; Self::SEATS]; Hazards::DEPTHS],
    measured: Mutex<[Depth; Hazards::DEPTHS]>,
}

#[derive(Debug)]
struct Seat {
    /// Whose it is, in microseconds since 1970.
    arrival: AtomicI64,
    /// Until then it is kept for that user, in microseconds since 1970.
    until: AtomicI64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Depth {
    /// What the users of the seats were shown last.
    shown: [Option<ShownPosition>; Departures::SEATS],
    sums: Sums,
}

/// Decayed sums.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// How many users left ahead.
    left: f64,
    /// Users ahead, times the seconds in which they might have left.
    exposure: f64,
    /// As of when.
    at: Option<Timestamp>,
}

impl Default for Departures {
    fn default() -> Self {
        let seat = || Seat {
            arrival: AtomicI64::new(i64::MIN),
            until: AtomicI64::new(i64::MIN),
        };
        Self {
            seats: array::from_fn(|_| array::from_fn(|_| seat())),
            measured: Mutex::default(),
        }
    }
}

impl Departures {
    /// How many users at each depth.
    const SEATS: usize = 4;
    /// How many depths a user may have passed between two answers.
    const PASSED: usize = 4;
    /// The shortest half-life of what was measured. Where answers come from snapshots of the line, an
    /// ordinal is refreshed only twice a minute; a shorter memory would hold a single answer.
    const HALF_LIFE: Duration = Duration::from_secs(20);
    /// An ordinal that stays the same for so long shows that nobody left. Before, it may be that the
    /// answers were from a snapshot.
    const UNCHANGED: Duration = Duration::from_secs(45);
    /// What was measured longer ago tells nothing.
    const STALE: Duration = Duration::from_mins(5);
    /// A seat is kept for at least so long, also where its user was to ask again at once.
    const KEPT: Duration = Duration::from_secs(5);

    /// How much of a sum is left after `seconds`: half of it after about a window.
    pub(super) fn decay(seconds: f64, interval: Option<Duration>) -> f64 {
        let half_life = interval.unwrap_or_default().max(Self::HALF_LIFE);
        (-seconds / half_life.as_secs_f64()).exp2()
    }

    /// Records what the user of `arrival` was shown, if that user is one of the sample or can become
    /// one.
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
        let held = self
            .column(seat)
            .skip(depth)
            .take(Self::PASSED)
            .find(|(_, seat)| seat.arrival.load(Relaxed) == arrival.micros());
        let free = self
            .column(seat)
            .nth(depth)
            .filter(|(_, seat)| seat.until.load(Relaxed) < shown.as_of.as_microsecond());
        if held.is_none() && free.is_none() {
            return;
        }
        // Whoever finds it locked is not missed: the next answer tells the same and more.
        let Ok(mut measured) = self.measured.try_lock() else {
            return;
        };
        let mut open = *shown;
        if let Some((at_depth, taken)) = held
            && let Some(depth_held) = measured.get_mut(at_depth)
        {
            open = depth_held.compare(seat, shown, interval).unwrap_or(open);
            if at_depth == depth {
                taken.until.store(until, Relaxed);
                depth_held.keep(seat, open);
                return;
            }
            taken.until.store(i64::MIN, Relaxed);
            taken.arrival.store(i64::MIN, Relaxed);
        }
        if let Some((_, free)) = free
            && let Some(depth) = measured.get_mut(depth)
        {
            free.arrival.store(arrival.micros(), Relaxed);
            free.until.store(until, Relaxed);
            depth.keep(seat, open);
        }
    }

    /// The hazards as measured by `now`, of which `persistence` (0 to 1) goes on.
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
        Hazards::new(measured.map(|Depth { sums, .. }| match sums.at {
            Some(at) if sums.exposure > 0.0 && seconds_between(at, now) < stale => {
                sums.left / sums.exposure * persistence
            }
            _ => 0.0,
        }))
    }

    /// The seats with this number, with their depths.
    fn column(&self, seat: usize) -> impl Iterator<Item = (usize, &Seat)> {
        let seats = self.seats.iter().filter_map(move |depth| depth.get(seat));
        seats.enumerate()
    }
}

impl Depth {
    fn keep(&mut self, seat: usize, shown: ShownPosition) {
        if let Some(kept) = self.shown.get_mut(seat) {
            *kept = Some(shown);
        }
    }

    /// Compares `now` with what the user of this seat was shown before. Gives what the next answer is
    /// to be compared with; none where this is the first.
    fn compare(
        &mut self,
        seat: usize,
        now: &ShownPosition,
        interval: Option<Duration>,
    ) -> Option<ShownPosition> {
        let before = (*self.shown.get(seat)?)?;
        let seconds = seconds_between(before.as_of, now.as_of);
        let left = before.ordinal().saturating_sub(now.ordinal());
        if now.ordinal() > before.ordinal() || now.admitted < before.admitted {
            return Some(*now); // users came back ahead, or the store lost its counts
        }
        if left == 0 && seconds < Departures::UNCHANGED.as_secs_f64() {
            return Some(before);
        }
        let ahead = f64::midpoint(real(before.position), real(now.position));
        self.sums
            .add(now.as_of, real(left), ahead * seconds, interval);
        Some(*now)
    }
}

impl Sums {
    fn add(&mut self, now: Timestamp, left: f64, exposure: f64, interval: Option<Duration>) {
        let at = self.at.unwrap_or(now);
        let decay = Departures::decay(seconds_between(at, now), interval);
        self.left = self.left * decay + left;
        self.exposure = self.exposure * decay + exposure;
        self.at = Some(at.max(now));
    }
}

impl ShownPosition {
    /// The position plus all who were admitted from the line.
    fn ordinal(&self) -> u64 {
        self.position.saturating_add(self.admitted)
    }
}

/// Which seat of each depth a user may have.
fn seat_of(arrival: Arrival) -> usize {
    let seats = Departures::SEATS as u64;
    let seat = stirred(arrival.micros().cast_unsigned()) % seats;
    usize::try_from(seat).unwrap_or(0)
}
