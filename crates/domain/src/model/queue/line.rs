//! Snapshots of a line, from which many waiting users are answered, and the heartbeats of users.

use std::time::Duration;

use jiff::Timestamp;

use super::{Arrival, Generation, PolicyVersion, QueueView};
use crate::model::UserId;

/// The state of a line at one instant.
///
/// An instance that has found a user waiting needs no new look-up to know that they still wait, as
/// long as the generation is the same and no user can re-enter. The user waits unless
///
/// - they arrived no later than [`LineSnapshot::admitted_up_to`],
/// - they are among the departures in [`LineSnapshot::left`], or
/// - they have sent no heartbeat for `waiting_ttl`.
///
/// The user's [`Ordinal`] gives their position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSnapshot {
    /// The generation of the queue.
    pub generation: Generation,
    /// The policy in force.
    pub policy_version: PolicyVersion,
    /// The `waiting_ttl` of that policy: the time from the last heartbeat to the deadline.
    pub waiting_ttl: Duration,
    /// After how long without a heartbeat a user whose turn comes stands aside. None if users do
    /// not stand aside.
    pub absence: Option<Duration>,
    /// The last near position: [`near_positions`](super::QueuePolicy::near_positions) of users who
    /// are present, plus all users who stand aside, since those are ahead.
    pub near_positions: u64,
    /// The public state of the queue.
    pub queue: QueueView,
    /// Until when users re-enter with tokens from before a loss. None if they do not. Until then
    /// users may enter ahead of others, so a position that was known before says nothing.
    pub reentry_until: Option<Timestamp>,
    /// Number of waiting users without expired places.
    pub waiting: u64,
    /// Number of users admitted from the line since the store has this queue. Immediate admissions
    /// do not count.
    pub admitted: u64,
    /// The latest arrival that admission has passed. None before the first. Users who arrived later
    /// wait for their turn. Others were admitted, or stood aside and are next in line from their
    /// next heartbeat on.
    pub admitted_up_to: Option<Arrival>,
    /// The cursor of this snapshot in the record of departures, for the next snapshot.
    pub mark: DepartureCursor,
    /// The users who left the line of their own will since the previous snapshot.
    pub left: Departures,
}

impl LineSnapshot {
    /// Returns how long an instance may hold back the heartbeats of a user at `position`, counted
    /// from the last heartbeat that the store has.
    ///
    /// At a near position it is a third of the [absence](Self::absence), elsewhere two thirds: if
    /// all users ahead are absent, the turn of any user may come at once. So no user who polls in
    /// time is taken for absent. It is never longer than a sixth of `waiting_ttl`, nor than
    /// `longest`.
    #[must_use]
    pub fn heartbeat_within(&self, position: u64, longest: Duration) -> Duration {
        let longest = longest.min(self.waiting_ttl / 6);
        self.absence.map_or(longest, |absence| {
            let near = position <= self.near_positions;
            longest.min(absence / 3 * if near { 1 } else { 2 })
        })
    }

    /// Returns true if admission has passed this arrival, so that only the store knows what became
    /// of its place.
    #[must_use]
    pub fn has_admitted(&self, arrival: Arrival) -> bool {
        self.admitted_up_to >= Some(arrival)
    }

    /// Returns true if every user who was found waiting since the snapshot `before` still waits,
    /// unless this snapshot says otherwise: it is the same line, and no user re-entered it.
    ///
    /// A new policy does not matter. It ends no waiting place by itself, and what it changes for
    /// all waiting users (the state, `waiting_ttl`) is read from the newest snapshot. Opening a
    /// paused queue therefore sends no user to the store.
    ///
    /// A shortened `waiting_ttl` is safe too. For every user who polls, the store knows a heartbeat
    /// that is at most two longest polls old, because later ones stay in an instance no longer (the
    /// `longest` of [`LineSnapshot::heartbeat_within`]). `waiting_ttl` is at least four longest
    /// polls, so two are left. From the newest snapshot on, [`LineSnapshot::heartbeat_within`]
    /// follows the shortened time: a user who was found too long ago asks the store, and the
    /// heartbeats that were held back for too long are due.
    #[must_use]
    pub fn goes_on_from(&self, before: &Self) -> bool {
        self.generation == before.generation
            && self.reentry_until.is_none()
            && before.reentry_until.is_none()
            && self.admitted >= before.admitted
            && self.admitted_up_to >= before.admitted_up_to
            && self.left != Departures::Unknown
    }
}

/// The users who left a line between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Departures {
    /// All of them, by their arrivals, in any order.
    These(Vec<Arrival>),
    /// More than the store remembers, or the store does not know the earlier snapshot: any user may
    /// have left.
    Unknown,
}

impl Departures {
    /// How many of the last departures a store remembers, unless it has a reason to keep fewer.
    ///
    /// After more departures than that between two snapshots all waiting users ask the store.
    /// Snapshots are 500 ms apart, so that takes 20,000 departures per second. An arrival takes 8
    /// bytes.
    pub const REMEMBERED: usize = 10_000;

    /// How many of the last departures every store remembers at least.
    pub const REMEMBERED_MIN: usize = 1_000;
}

/// A cursor in the record of departures, from which the next snapshot goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepartureCursor {
    /// The generation whose record it is.
    pub generation: Generation,
    /// Number of departures in the record until then, as its store counts them.
    pub number: u64,
}

/// The ordinal of a waiting user: their turn comes when that many users were admitted from the
/// line.
///
/// Admission is strictly in order: a user who is admitted while another one waits stood ahead of
/// them. So the ordinal stays the same while the position shrinks. It falls if users ahead leave,
/// and grows only for a user who stands aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ordinal(u64);

impl Ordinal {
    /// The ordinal of a user who was at `position` when `admitted` users had been admitted.
    #[must_use]
    pub fn of(position: u64, admitted: u64) -> Self {
        Self(position.saturating_add(admitted))
    }

    /// Returns the position once `admitted` users have been admitted: never less than the true one,
    /// and more only by the number of users ahead who left. None if the turn has come.
    #[must_use]
    pub fn position(self, admitted: u64) -> Option<u64> {
        self.0
            .checked_sub(admitted)
            .filter(|&position| position > 0)
    }
}

/// A heartbeat of a waiting user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The user.
    pub user: UserId,
    /// When they joined. It identifies their place.
    pub arrival: Arrival,
    /// The instant of the heartbeat, by the store's clock.
    pub at: Timestamp,
}

impl Heartbeat {
    /// The largest number of heartbeats in one call, so that a call does not hold up others for
    /// long.
    pub const BATCH_MAX: usize = 250;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::queue::{PolicyState, SaleState};

    fn line() -> LineSnapshot {
        LineSnapshot {
            generation: Generation(1),
            policy_version: PolicyVersion(1),
            waiting_ttl: Duration::from_mins(5),
            absence: Some(Duration::from_secs(45)),
            near_positions: 10,
            queue: QueueView {
                state: PolicyState::Paused,
                opens_at: None,
                sale: SaleState::OnSale,
                recovering: false,
            },
            reentry_until: None,
            waiting: 8,
            admitted: 40,
            admitted_up_to: Some(Arrival::from_micros(2)),
            mark: DepartureCursor {
                generation: Generation(1),
                number: 0,
            },
            left: Departures::These(Vec::new()),
        }
    }

    #[test]
    fn a_line_goes_on_under_a_new_policy_but_not_after_a_loss() {
        type Change = fn(&mut LineSnapshot);
        let changes: [(bool, Change); 9] = [
            (true, |_| {}),
            (true, |line| line.policy_version = PolicyVersion(2)),
            (true, |line| line.waiting_ttl = Duration::from_mins(1)),
            (true, |line| line.queue.state = PolicyState::Open),
            (false, |line| line.generation = Generation(2)),
            (false, |line| line.reentry_until = Some(Timestamp::MAX)),
            (false, |line| line.admitted -= 1),
            (false, |line| line.admitted_up_to = None),
            (false, |line| line.left = Departures::Unknown),
        ];
        for (number, (goes_on, change)) in changes.into_iter().enumerate() {
            let mut changed = line();
            change(&mut changed);
            assert_eq!(changed.goes_on_from(&line()), goes_on, "change {number}");
        }
    }

    #[test]
    fn heartbeats_near_the_head_reach_the_store_sooner() {
        let line = line();
        let longest = Duration::from_secs(40);
        assert_eq!(line.heartbeat_within(10, longest).as_secs(), 15);
        assert_eq!(line.heartbeat_within(11, longest).as_secs(), 30);
        let without_absence = LineSnapshot {
            absence: None,
            ..line
        };
        assert_eq!(without_absence.heartbeat_within(1, longest).as_secs(), 40);
    }

    #[test]
    fn a_position_shrinks_with_every_admission_until_the_turn_comes() {
        let ordinal = Ordinal::of(3, 10);
        assert_eq!(ordinal.position(10), Some(3));
        assert_eq!(ordinal.position(12), Some(1));
        assert_eq!(ordinal.position(13), None);
        assert_eq!(ordinal.position(99), None);
    }

    #[test]
    fn a_user_further_ahead_has_a_smaller_ordinal_at_any_instant() {
        assert!(Ordinal::of(3, 10) < Ordinal::of(2, 12));
        assert_eq!(Ordinal::of(3, 10), Ordinal::of(1, 12));
    }
}
