//! Positions that count users who left, as an adapter's may.

use frontrow_domain::{
    model::queue::{Place, Standing},
    ports::{
        GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, PeekOutcome, SnapshotOutcome,
        TickOutcome,
    },
};
use jiff::Timestamp;

use crate::model::ModelQueue;

/// An answer of a queue.
pub(super) trait Answer {
    /// Returns the same answer, with positions overstated by all users who left.
    fn over_stated(self, queue: &ModelQueue, now: Timestamp) -> Self;
}

impl Answer for Place {
    fn over_stated(self, queue: &ModelQueue, now: Timestamp) -> Self {
        let Standing::Waiting {
            position,
            behind,
            admitted,
        } = self.standing
        else {
            return self;
        };
        let (gone_ahead, gone_behind) = queue.gone_around(&self, now);
        let standing = Standing::Waiting {
            position: position + gone_ahead,
            behind: behind + gone_behind,
            admitted,
        };
        Self { standing, ..self }
    }
}

impl Answer for JoinOutcome {
    fn over_stated(self, queue: &ModelQueue, now: Timestamp) -> Self {
        match self {
            Self::Joined(place) => Self::Joined(place.over_stated(queue, now)),
            Self::Held(place) => Self::Held(place.over_stated(queue, now)),
            other => other,
        }
    }
}

impl Answer for LookUpOutcome {
    fn over_stated(self, queue: &ModelQueue, now: Timestamp) -> Self {
        match self {
            Self::Found(place) => Self::Found(place.over_stated(queue, now)),
            other => other,
        }
    }
}

impl Answer for GateOutcome {
    fn over_stated(self, queue: &ModelQueue, now: Timestamp) -> Self {
        match self {
            Self::Waiting(place) => Self::Waiting(place.over_stated(queue, now)),
            other => other,
        }
    }
}

impl Answer for LeaveOutcome {
    fn over_stated(self, _: &ModelQueue, _: Timestamp) -> Self {
        self
    }
}

impl Answer for TickOutcome {
    fn over_stated(self, _: &ModelQueue, _: Timestamp) -> Self {
        self
    }
}

impl Answer for SnapshotOutcome {
    fn over_stated(self, _: &ModelQueue, _: Timestamp) -> Self {
        self
    }
}

impl Answer for Vec<LookUpOutcome> {
    fn over_stated(self, queue: &ModelQueue, now: Timestamp) -> Self {
        let found = self.into_iter();
        found.map(|found| found.over_stated(queue, now)).collect()
    }
}

impl Answer for PeekOutcome {
    fn over_stated(self, queue: &ModelQueue, now: Timestamp) -> Self {
        let Self::Seen(places) = self else {
            return self;
        };
        let places = places.into_iter();
        let over_stated = places.map(|place| place.map(|place| place.over_stated(queue, now)));
        Self::Seen(over_stated.collect())
    }
}
