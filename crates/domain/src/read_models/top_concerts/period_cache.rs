//! The ranking that one instance shows for one period.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    RankingAnswer, TopConcerts, failure_backoff::FailureBackoff, single_flight::SingleFlight,
};
use crate::{
    model::{Ranking, later},
    ports::StoreResult,
};

type Answer = StoreResult<Arc<RankingAnswer>>;

/// The answer that is shown, and the requests under way to find the next one.
#[derive(Default)]
pub(super) struct PeriodCache {
    shown: RwLock<Option<Shown>>,
    /// Reads of the cache, which may be followed by queries.
    pub(super) looks: SingleFlight<Answer>,
    /// Queries of the database.
    pub(super) queries: SingleFlight<Answer>,
    /// The back-off after failed queries.
    pub(super) rest: FailureBackoff,
}

struct Shown {
    answer: Arc<RankingAnswer>,
    /// When the cache or the database last confirmed it.
    confirmed_at: Timestamp,
    /// The time in which it is shown without asking again.
    since: Timestamp,
    until: Timestamp,
}

/// The answer that this instance knows without asking a store.
pub(super) struct Known {
    pub(super) answer: Arc<RankingAnswer>,
    confirmed_at: Timestamp,
}

impl Known {
    /// The time since its last confirmation.
    pub(super) fn unconfirmed_for(&self, now: Timestamp) -> Duration {
        now.duration_since(self.confirmed_at).unsigned_abs()
    }
}

impl PeriodCache {
    /// Returns the answer if it was found a moment ago and the period has not turned since.
    pub(super) fn at(&self, now: Timestamp) -> Option<Arc<RankingAnswer>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        let good = shown
            .as_ref()
            .filter(|shown| shown.since <= now && now < shown.until)?;
        Some(Arc::clone(&good.answer))
    }

    /// Returns the last answer. None if there was none.
    pub(super) fn known(&self) -> Option<Known> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.as_ref().map(|shown| Known {
            answer: Arc::clone(&shown.answer),
            confirmed_at: shown.confirmed_at,
        })
    }

    /// Shows a ranking that the cache or the database has just returned. An equal answer stays the
    /// same allocation, so that it is not serialised again.
    pub(super) fn show(
        &self,
        ranking: Ranking,
        stale: bool,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Known {
        let answer = RankingAnswer {
            stale,
            replaced_at: ranking.replaced_at(zone),
            ranking,
        };
        Known {
            answer: self.put_up(answer, now, now, zone),
            confirmed_at: now,
        }
    }

    /// Shows the last answer for another moment. None if there is none.
    pub(super) fn show_again(&self, now: Timestamp, zone: &TimeZone) -> Option<Arc<RankingAnswer>> {
        let known = self.known()?;
        let answer = RankingAnswer::clone(&known.answer);
        Some(self.put_up(answer, known.confirmed_at, now, zone))
    }

    /// Shows the last answer marked as stale, because neither store could be asked. None if there
    /// is none.
    pub(super) fn show_stale(&self, now: Timestamp, zone: &TimeZone) -> Option<Arc<RankingAnswer>> {
        let known = self.known()?;
        let answer = RankingAnswer {
            stale: true,
            ..RankingAnswer::clone(&known.answer)
        };
        Some(self.put_up(answer, known.confirmed_at, now, zone))
    }

    fn put_up(
        &self,
        answer: RankingAnswer,
        confirmed_at: Timestamp,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Arc<RankingAnswer> {
        let turn = answer.ranking.period.next_turn(now, zone);
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let before = shown.take().map(|shown| shown.answer);
        let answer = before
            .filter(|before| **before == answer)
            .unwrap_or_else(|| Arc::new(answer));
        *shown = Some(Shown {
            answer: Arc::clone(&answer),
            confirmed_at,
            since: now,
            until: turn.min(later(now, TopConcerts::SHOWN_UNASKED)),
        });
        answer
    }
}
