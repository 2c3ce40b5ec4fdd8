//! The waiting places of a queue: their order, and the last heartbeat of each.

use frontrow_domain::model::{
    UserId,
    queue::{Arrival, Deadlines, Heartbeat, PlaceEnd, Standing},
};
use jiff::Timestamp;

use super::{micros::Micros, order_statistic_set::OrderStatisticSet, sharded_map::ShardedMap};

/// The waiting places of a queue.
///
/// The user's id is stored once and shared by the three parts.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    places: ShardedMap<WaitingPlace>,
    /// The line, from its head. Users of different generations may have the same arrival, in
    /// microseconds, so the user id decides in the end.
    line: OrderStatisticSet<(Arrival, UserId)>,
    /// The users who stand aside: they are not admitted until their next heartbeat.
    aside: OrderStatisticSet<(Arrival, UserId)>,
    /// The users by last heartbeat, the longest silence first. The deadline of a place follows from
    /// it, but an outage moves the deadlines of all places at once. The order stays.
    silence: OrderStatisticSet<(Micros, UserId)>,
}

#[derive(Debug, Clone, Copy)]
struct WaitingPlace {
    arrival: Arrival,
    last_seen: Micros,
    is_aside: bool,
}

impl WaitingPlace {
    fn end(&self) -> PlaceEnd {
        PlaceEnd::Waiting {
            heartbeat: self.last_seen.at(),
        }
    }
}

impl Waiting {
    /// Maximum length of a line of which every place is checked to find one that is not expired.
    const HEADS_MAX: usize = 500;

    /// Returns the number of places, including expired ones that were not removed yet.
    pub(super) fn len(&self) -> usize {
        self.line.len() + self.aside.len()
    }

    /// Returns the number of them whose users stand aside.
    pub(super) fn aside(&self) -> usize {
        self.aside.len()
    }

    /// Returns true if no user waits.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the arrival of `user`. None if they do not wait.
    pub(super) fn arrival_of(&self, user: &UserId) -> Option<Arrival> {
        self.places.get(user).map(|place| place.arrival)
    }

    /// Returns the arrival of `user` and their position in the line, from which `admitted` were
    /// admitted. None if they do not wait or the place is expired at `now`.
    pub(super) fn find(
        &self,
        user: &UserId,
        admitted: u64,
        deadlines: &Deadlines<'_>,
        now: Timestamp,
    ) -> Option<(Arrival, Standing)> {
        let place = self.places.get(user)?;
        if place.end().is_over(deadlines, now) {
            return None;
        }
        let arrival = place.arrival;
        let is_ahead = |(other, name): &(Arrival, UserId)| (*other, name) < (arrival, user);
        let before = self.line.count_while(is_ahead) + self.aside.count_while(is_ahead);
        let standing = Standing::Waiting {
            position: before as u64 + 1,
            behind: (self.len() - before).saturating_sub(1) as u64,
            admitted,
        };
        Some((arrival, standing))
    }

    /// Gives `user`, who has no place, one at `arrival`.
    pub(super) fn enter(&mut self, user: UserId, arrival: Arrival, now: Timestamp) {
        let last_seen = Micros::from(now);
        self.line.insert((arrival, user.clone()));
        self.silence.insert((last_seen, user.clone()));
        let place = WaitingPlace {
            arrival,
            last_seen,
            is_aside: false,
        };
        self.places.insert(user, place);
    }

    /// Records a heartbeat of `user` at `now`, if they wait and their place is not expired.
    pub(super) fn heartbeat(&mut self, user: &UserId, deadlines: &Deadlines<'_>, now: Timestamp) {
        self.record(user, deadlines, now, |_, _| Some(now.into()));
    }

    /// Records a heartbeat that reached the service earlier, if it is newer than the last one and
    /// the place is not expired.
    pub(super) fn earlier_heartbeat(
        &mut self,
        heartbeat: &Heartbeat,
        deadlines: &Deadlines<'_>,
        now: Timestamp,
    ) {
        let at = Micros::from(heartbeat.at.min(now));
        self.record(&heartbeat.user, deadlines, now, |arrival, before| {
            (arrival == heartbeat.arrival && at > before).then_some(at)
        });
    }

    /// Sets the last heartbeat of `user` to what `at` returns for their arrival and the previous
    /// heartbeat.
    fn record(
        &mut self,
        user: &UserId,
        deadlines: &Deadlines<'_>,
        now: Timestamp,
        at: impl FnOnce(Arrival, Micros) -> Option<Micros>,
    ) {
        let Some(place) = self.places.get_mut(user) else {
            return;
        };
        if place.end().is_over(deadlines, now) {
            return;
        }
        let before = place.last_seen;
        let Some(at) = at(place.arrival, before) else {
            return;
        };
        if std::mem::take(&mut place.is_aside) {
            let key = (place.arrival, user.clone());
            self.line.insert(self.aside.take(&key).unwrap_or(key));
        }
        if at == before {
            return;
        }
        place.last_seen = at;
        // Inserts the stored id again. This request's copy would be kept beside it.
        if let Some((_, user)) = self.silence.take(&(before, user.clone())) {
            self.silence.insert((at, user));
        }
    }

    /// Returns the next user in line: arrival, id and last heartbeat. If `with_aside` is true,
    /// users who stand aside are in line, too.
    pub(super) fn head(&self, with_aside: bool) -> Option<(Arrival, UserId, Timestamp)> {
        let aside = self.aside.first().filter(|_| with_aside);
        let head = self.line.first().into_iter().chain(aside).min();
        let (arrival, user) = head?.clone();
        let heartbeat = self.places.get(&user)?.last_seen.at();
        Some((arrival, user, heartbeat))
    }

    /// Returns the earliest arrival that waits, including users who stand aside and expired places.
    pub(super) fn first_arrival(&self) -> Option<Arrival> {
        let firsts = self.line.first().into_iter().chain(self.aside.first());
        firsts.map(|(arrival, _)| *arrival).min()
    }

    /// Makes `user`, who is in the line, stand aside.
    pub(super) fn stand_aside(&mut self, user: &UserId) {
        if let Some(place) = self.places.get_mut(user) {
            place.is_aside = true;
            if let Some(key) = self.line.take(&(place.arrival, user.clone())) {
                self.aside.insert(key);
            }
        }
    }

    /// Returns true if any user waits for their turn whose place is not expired. If many places are
    /// expired, a line of more than [`Self::HEADS_MAX`] places counts as true without a check.
    pub(super) fn has_line(&self, deadlines: &Deadlines<'_>, now: Timestamp) -> bool {
        let over = self.len() - self.count(deadlines, now);
        if self.line.len() > over {
            return true;
        }
        let is_over = |place: &WaitingPlace| place.end().is_over(deadlines, now);
        let lives = |rank| {
            let head = self.line.get(rank);
            let place = head.and_then(|(_, user)| self.places.get(user));
            place.is_some_and(|place| !is_over(place))
        };
        self.line.len() > Self::HEADS_MAX || (0..self.line.len()).any(lives)
    }

    /// Ends the place of `user`. Returns false if they do not wait.
    pub(super) fn remove(&mut self, user: &UserId) -> bool {
        let Some(place) = self.places.remove(user) else {
            return false;
        };
        let key = (place.arrival, user.clone());
        if place.is_aside {
            self.aside.take(&key);
        } else {
            self.line.take(&key);
        }
        self.silence.take(&(place.last_seen, user.clone()));
        true
    }

    /// Returns a user whose place is expired.
    pub(super) fn past_end(&self, deadlines: &Deadlines<'_>, now: Timestamp) -> Option<UserId> {
        let (last_seen, user) = self.silence.first()?;
        (deadlines.waiting_end(last_seen.at()) <= now).then(|| user.clone())
    }

    /// Returns all places in the order in which they are admitted: user, arrival, last heartbeat,
    /// and whether the user stands aside. Those of users who stand aside come last.
    pub(super) fn all(&self) -> impl Iterator<Item = (&UserId, Arrival, Micros, bool)> {
        let in_line = (0..self.line.len()).filter_map(|rank| self.line.get(rank));
        let aside = (0..self.aside.len()).filter_map(|rank| self.aside.get(rank));
        in_line.chain(aside).filter_map(|(arrival, user)| {
            let place = self.places.get(user)?;
            Some((user, *arrival, place.last_seen, place.is_aside))
        })
    }

    /// Moves all heartbeats by `by` microseconds.
    pub(super) fn shift(&mut self, by: i64) {
        for place in self.places.values_mut() {
            place.last_seen = place.last_seen.shifted(by);
        }
        self.silence
            .change_in_order(|(last_seen, _)| *last_seen = last_seen.shifted(by));
    }

    /// Returns the number of waiting users, without expired places.
    pub(super) fn count(&self, deadlines: &Deadlines<'_>, now: Timestamp) -> usize {
        let ended = self
            .silence
            .count_while(|(last_seen, _)| deadlines.waiting_end(last_seen.at()) <= now);
        self.len() - ended
    }
}
