//! Those who wait: in which order, and when each was last heard of.

use frontrow_domain::model::{
    UserId,
    queue::{Arrival, Deadlines, Heartbeat, PlaceEnd, Standing},
};
use jiff::Timestamp;

use super::{micros::Micros, order_statistic_set::OrderStatisticSet, sharded_map::ShardedMap};

/// The waiting places of a queue.
///
/// The user's name is kept once and shared by the three of its parts.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    places: ShardedMap<WaitingPlace>,
    /// The line, from its head. Users from different lives of the store may have arrived in the very
    /// same microsecond, so the name decides in the end.
    line: OrderStatisticSet<(Arrival, UserId)>,
    /// The users who stand aside: they take no turn until their next heartbeat.
    aside: OrderStatisticSet<(Arrival, UserId)>,
    /// From who was silent longest. When a place ends follows from it, but changes for everybody at
    /// once when service was interrupted; the order stays.
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
    /// How many heads past their end are looked at to find one that is not.
    const HEADS_MAX: usize = 500;

    /// How many places there are, with those past their end that were not yet removed.
    pub(super) fn len(&self) -> usize {
        self.line.len() + self.aside.len()
    }

    /// How many of them are of users who stand aside.
    pub(super) fn aside(&self) -> usize {
        self.aside.len()
    }

    /// True when nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When `user` arrived, where they wait.
    pub(super) fn arrival_of(&self, user: &UserId) -> Option<Arrival> {
        self.places.get(user).map(|place| place.arrival)
    }

    /// When `user` arrived, and where in the line they are, from which `admitted` were admitted. None
    /// where the place is past its end at `now`.
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

    /// Records a heartbeat of `user` at `now`, if they wait and their place is not past its end.
    pub(super) fn heartbeat(&mut self, user: &UserId, deadlines: &Deadlines<'_>, now: Timestamp) {
        self.record(user, deadlines, now, |_, _| Some(now.into()));
    }

    /// Records a heartbeat that reached the service earlier, if it is newer than the last one and
    /// the place is not past its end.
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

    /// Sets the last heartbeat of `user` to what `at` makes of their arrival and the one before.
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
        // The name that comes out goes in again: the one of this request would be kept beside it.
        if let Some((_, user)) = self.silence.take(&(before, user.clone())) {
            self.silence.insert((at, user));
        }
    }

    /// The next user in line: arrival, name and last heartbeat. Where `everybody` is to move on,
    /// users who stand aside are in line, too.
    pub(super) fn head(&self, everybody: bool) -> Option<(Arrival, UserId, Timestamp)> {
        let aside = self.aside.first().filter(|_| everybody);
        let head = self.line.first().into_iter().chain(aside).min();
        let (arrival, user) = head?.clone();
        let heartbeat = self.places.get(&user)?.last_seen.at();
        Some((arrival, user, heartbeat))
    }

    /// The earliest arrival that waits, also aside or past its end.
    pub(super) fn first_arrival(&self) -> Option<Arrival> {
        let firsts = self.line.first().into_iter().chain(self.aside.first());
        firsts.map(|(arrival, _)| *arrival).min()
    }

    /// Lets `user`, who is in the line, stand aside.
    pub(super) fn stand_aside(&mut self, user: &UserId) {
        if let Some(place) = self.places.get_mut(user) {
            place.is_aside = true;
            if let Some(key) = self.line.take(&(place.arrival, user.clone())) {
                self.aside.insert(key);
            }
        }
    }

    /// True where any user waits for their turn whose place is not past its end. Where very many
    /// places are past it, that is taken for true.
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

    /// Ends the place of `user`; false where they do not wait.
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

    /// Somebody whose place is past its end.
    pub(super) fn past_end(&self, deadlines: &Deadlines<'_>, now: Timestamp) -> Option<UserId> {
        let (last_seen, user) = self.silence.first()?;
        (deadlines.waiting_end(last_seen.at()) <= now).then(|| user.clone())
    }

    /// All places in the order in which they are admitted: user, arrival, last heartbeat, and
    /// whether the user stands aside; those of users who stand aside come last.
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

    /// How many wait, without those past their end.
    pub(super) fn count(&self, deadlines: &Deadlines<'_>, now: Timestamp) -> usize {
        let ended = self
            .silence
            .count_while(|(last_seen, _)| deadlines.waiting_end(last_seen.at()) <= now);
        self.len() - ended
    }
}
