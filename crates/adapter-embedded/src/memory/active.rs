//! The active places of a queue, with their deadlines.

use frontrow_domain::model::{
    UserId,
    queue::{Arrival, Deadlines, GatePurpose, PlaceEnd, Standing},
};
use jiff::Timestamp;

use super::{micros::Micros, order_statistic_set::OrderStatisticSet, sharded_map::ShardedMap};

/// The active places of a queue.
#[derive(Debug, Default)]
pub(super) struct Active {
    places: ShardedMap<ActiveEntry>,
    /// Places that are not claimed yet, the earliest admission first. An outage moves the deadlines
    /// of all of them at once, so the set is ordered by admission, which stays.
    unclaimed: OrderStatisticSet<(Micros, UserId)>,
    /// Claimed places, the earliest deadline first.
    claimed: OrderStatisticSet<(Micros, UserId)>,
}

/// An active place.
#[derive(Debug, Clone, Copy)]
pub(super) struct ActiveEntry {
    pub(super) arrival: Arrival,
    pub(super) admitted_at: Micros,
    pub(super) claim: Option<Claim>,
}

/// The claim of an active place, and its deadline.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) claimed_at: Micros,
    pub(super) until: Micros,
}

impl ActiveEntry {
    fn end(&self) -> PlaceEnd {
        match self.claim {
            Some(claim) => PlaceEnd::Claimed {
                until: claim.until.at(),
            },
            None => PlaceEnd::Unclaimed {
                admitted_at: self.admitted_at.at(),
            },
        }
    }
}

impl Active {
    /// Returns the number of places, including expired ones that were not removed yet.
    pub(super) fn len(&self) -> usize {
        self.unclaimed.len() + self.claimed.len()
    }

    /// Returns true if no user is active.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the arrival of `user`. None if they are not active.
    pub(super) fn arrival_of(&self, user: &UserId) -> Option<Arrival> {
        self.places.get(user).map(|place| place.arrival)
    }

    /// Returns the arrival of `user`, and since when and until when they are active. None if they
    /// are not active or the place is expired at `now`.
    pub(super) fn find(
        &self,
        user: &UserId,
        deadlines: &Deadlines<'_>,
        now: Timestamp,
    ) -> Option<(Arrival, Standing)> {
        let place = self.places.get(user)?;
        let until = place.end().at(deadlines);
        let standing = Standing::Active {
            admitted_at: place.admitted_at.at(),
            until,
            claimed: place.claim.is_some(),
        };
        (now < until).then_some((place.arrival, standing))
    }

    /// Makes `user`, who arrived at `arrival`, active.
    pub(super) fn admit(&mut self, user: UserId, arrival: Arrival, now: Timestamp) {
        let place = ActiveEntry {
            arrival,
            admitted_at: now.into(),
            claim: None,
        };
        self.put(user, place);
    }

    /// Gives `user`, who has no place, this one.
    pub(super) fn put(&mut self, user: UserId, place: ActiveEntry) {
        match place.claim {
            None => self.unclaimed.insert((place.admitted_at, user.clone())),
            Some(claim) => self.claimed.insert((claim.until, user.clone())),
        };
        self.places.insert(user, place);
    }

    /// Returns all places: unclaimed ones by admission, then claimed ones by deadline.
    pub(super) fn all(&self) -> impl Iterator<Item = (&UserId, ActiveEntry)> {
        let unclaimed = (0..self.unclaimed.len()).filter_map(|rank| self.unclaimed.get(rank));
        let claimed = (0..self.claimed.len()).filter_map(|rank| self.claimed.get(rank));
        let all = unclaimed.chain(claimed);
        all.filter_map(|(_, user)| Some((user, *self.places.get(user)?)))
    }

    /// Moves all admissions, claims and deadlines by `by` microseconds.
    pub(super) fn shift(&mut self, by: i64) {
        for place in self.places.values_mut() {
            place.admitted_at = place.admitted_at.shifted(by);
            if let Some(claim) = &mut place.claim {
                claim.claimed_at = claim.claimed_at.shifted(by);
                claim.until = claim.until.shifted(by);
            }
        }
        for set in [&mut self.unclaimed, &mut self.claimed] {
            set.change_in_order(|(at, _)| *at = at.shifted(by));
        }
    }

    /// Lets `user` through the gate: claims the place, and extends it if `purpose` requires that.
    pub(super) fn pass_gate(
        &mut self,
        user: &UserId,
        deadlines: &Deadlines<'_>,
        now: Timestamp,
        purpose: GatePurpose,
    ) {
        let Some(place) = self.places.get_mut(user) else {
            return;
        };
        let before = place.claim;
        let claimed_at = before.map_or(now, |claim| claim.claimed_at.at());
        let until = before.map_or_else(|| deadlines.active_end(now), |claim| claim.until.at());
        let until = Micros::from(deadlines.end_after_gate(now, claimed_at, until, purpose));
        place.claim = Some(Claim {
            claimed_at: claimed_at.into(),
            until,
        });
        let moved = match before {
            None => self.unclaimed.take(&(place.admitted_at, user.clone())),
            Some(claim) if claim.until != until => self.claimed.take(&(claim.until, user.clone())),
            Some(_) => None,
        };
        if let Some((_, user)) = moved {
            self.claimed.insert((until, user));
        }
    }

    /// Ends the place of `user`. Returns false if they are not active.
    pub(super) fn remove(&mut self, user: &UserId) -> bool {
        let Some(place) = self.places.remove(user) else {
            return false;
        };
        match place.claim {
            None => self.unclaimed.take(&(place.admitted_at, user.clone())),
            Some(claim) => self.claimed.take(&(claim.until, user.clone())),
        };
        true
    }

    /// Returns a user whose place is expired.
    pub(super) fn past_end(&self, deadlines: &Deadlines<'_>, now: Timestamp) -> Option<UserId> {
        let unclaimed = self
            .unclaimed
            .first()
            .filter(|(admitted_at, _)| deadlines.claim_end(admitted_at.at()) <= now);
        let claimed = self.claimed.first().filter(|(until, _)| until.at() <= now);
        unclaimed.or(claimed).map(|(_, user)| user.clone())
    }

    /// Returns the number of active users, without expired places.
    pub(super) fn count(&self, deadlines: &Deadlines<'_>, now: Timestamp) -> usize {
        let unclaimed = self
            .unclaimed
            .count_while(|(admitted_at, _)| deadlines.claim_end(admitted_at.at()) <= now);
        let claimed = self.claimed.count_while(|(until, _)| until.at() <= now);
        self.len() - unclaimed - claimed
    }
}
