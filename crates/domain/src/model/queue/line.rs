//! A line as a whole, for whoever answers many who wait from one look at it.

use std::time::Duration;

use jiff::Timestamp;

use super::{Arrival, Generation, PolicyVersion, QueueView};
use crate::model::UserId;

/// How a line stands, as one look shows it.
///
/// For a user who was found waiting before, in the same generation and while nobody could re-enter, it
/// decides whether they still wait: they do unless they arrived by [`LineSnapshot::admitted_up_to`], are among
/// those who [`LineSnapshot::left`], or have sent no heartbeat for the waiting time to live. Their [`Turn`] says
/// where they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSnapshot {
    /// The life of the store that shows it.
    pub generation: Generation,
    /// The policy in force.
    pub policy_version: PolicyVersion,
    /// Its waiting time to live.
    pub waiting_ttl: Duration,
    /// After how long without a heartbeat a user whose turn comes stands aside. None where nobody
    /// does.
    pub absence: Option<Duration>,
    /// The last position whose turn comes soon, as
    /// [`near_positions`](super::QueuePolicy::near_positions) says of users who are present. All
    /// who stand aside are ahead of it, and counted.
    pub near_positions: u64,
    /// What the queue is like.
    pub queue: QueueView,
    /// Until when users re-enter with tokens from before a loss; none where they do not. Until then
    /// users enter ahead of others, and an earlier position says nothing.
    pub reentry_until: Option<Timestamp>,
    /// How many wait, without those past their end.
    pub waiting: u64,
    /// How many were moved from the line to the active since the store has this queue. Who found no
    /// line and was active at once is none of them.
    pub admitted: u64,
    /// The arrival that admission has passed; none before the first. Users who arrived later wait
    /// for their turn. Others were admitted, or stood aside and are next in line from their next
    /// heartbeat on.
    pub admitted_up_to: Option<Arrival>,
    /// Where this look stands in the record of those who left; for the next look.
    pub mark: DepartureCursor,
    /// Who has left the line by their own will since the look before.
    pub left: Departures,
}

impl LineSnapshot {
    /// How long after the last heartbeat that the store has of a user at `position` a later one may
    /// stay in this instance: near the head a third of the [absence](Self::absence), elsewhere two
    /// thirds, so that nobody who polls as told is taken for absent. Where all users ahead are
    /// absent, the turn of any user may come at once. Never longer than a sixth of the waiting time
    /// to live, nor than `longest`.
    #[must_use]
    pub fn heartbeat_within(&self, position: u64, longest: Duration) -> Duration {
        let longest = longest.min(self.waiting_ttl / 6);
        self.absence.map_or(longest, |absence| {
            let near = position <= self.near_positions;
            longest.min(absence / 3 * if near { 1 } else { 2 })
        })
    }

    /// True where only the store can say what became of a place with this arrival: admission has
    /// passed it.
    #[must_use]
    pub fn has_admitted(&self, arrival: Arrival) -> bool {
        self.admitted_up_to >= Some(arrival)
    }

    /// True where whoever was found waiting since the look at `before` waits still, unless this look
    /// says otherwise: it is the same line, and nobody came back into it.
    ///
    /// A new policy does not matter. It ends no waiting place by itself, and what it changes for all
    /// who wait (the state, the waiting time to live) is read from the newest look. Opening a paused
    /// queue therefore sends nobody to the store.
    ///
    /// A shortened waiting time to live is safe too. The store knows a heartbeat of every user who
    /// polls that is two longest polls old at most, because later ones stay in an instance no longer
    /// (the `longest` of [`LineSnapshot::heartbeat_within`]). A waiting time to live is at least four longest
    /// polls, so two are left. From the newest look on, [`LineSnapshot::heartbeat_within`] follows the
    /// shortened time: a user who was found too long ago asks the store, and the heartbeats held back
    /// for too long are due.
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

/// Who has left a line between two looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Departures {
    /// All of them, by their arrivals, in any order.
    These(Vec<Arrival>),
    /// More than the store remembers, or since a look that it does not know: anybody may have.
    Unknown,
}

impl Departures {
    /// How many departures a store remembers, where nothing speaks against it: the last ones.
    ///
    /// After more departures than that between two snapshots all who wait ask the store. Snapshots
    /// are 500 ms apart, so these are 20,000 departures a second. An arrival takes 8 bytes.
    pub const REMEMBERED: usize = 10_000;

    /// How many of the last departures every store remembers at least.
    pub const REMEMBERED_MIN: usize = 1_000;
}

/// A place in the record of those who left a line, from which the next look goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepartureCursor {
    /// The life of the store whose record it is.
    pub generation: Generation,
    /// How far the record had come, as its store counts.
    pub number: u64,
}

/// Whose turn it is when so many have been admitted from the line.
///
/// Admission is strictly in order, so whoever is admitted while somebody waits stood ahead of them,
/// and their turn stays the same while their position shrinks. People ahead who leave make it
/// earlier, never later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn(u64);

impl Turn {
    /// The turn of somebody who stood at `position` when `admitted` had been admitted.
    #[must_use]
    pub fn of(position: u64, admitted: u64) -> Self {
        Self(position.saturating_add(admitted))
    }

    /// Where they stand once `admitted` have been admitted: never less than the truth, and more only
    /// by the people ahead who left. None where their turn has come.
    #[must_use]
    pub fn position(self, admitted: u64) -> Option<u64> {
        self.0
            .checked_sub(admitted)
            .filter(|&position| position > 0)
    }
}

/// Somebody who waits was heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Who.
    pub user: UserId,
    /// When they joined: what their place is known by.
    pub arrival: Arrival,
    /// When they were heard of, by the store's clock.
    pub at: Timestamp,
}

impl Heartbeat {
    /// How many a store is told of in one call at most, so that it holds up nobody for long.
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
        let nobody_stands_aside = LineSnapshot {
            absence: None,
            ..line
        };
        assert_eq!(
            nobody_stands_aside.heartbeat_within(1, longest).as_secs(),
            40
        );
    }

    #[test]
    fn a_position_shrinks_with_every_admission_until_it_is_ones_turn() {
        let turn = Turn::of(3, 10);
        assert_eq!(turn.position(10), Some(3));
        assert_eq!(turn.position(12), Some(1));
        assert_eq!(turn.position(13), None);
        assert_eq!(turn.position(99), None);
    }

    #[test]
    fn who_stands_further_ahead_has_an_earlier_turn_whenever_it_was_seen() {
        assert!(Turn::of(3, 10) < Turn::of(2, 12));
        assert_eq!(Turn::of(3, 10), Turn::of(1, 12));
    }
}
