mod circuit_breaker;
mod failure_backoff;
mod guarded_cache;
mod period_cache;
mod single_flight;
#[cfg(test)]
mod tests;

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::{
    FutureExt,
    future::{Either, select},
};
use jiff::{Timestamp, tz::TimeZone};

use self::{
    guarded_cache::{Cached, GuardedCache},
    period_cache::{Known, PeriodCache},
};
use crate::{
    model::{PerPeriod, Period, Ranking},
    ports::{Clock, RankingCache, RankingSource, StoreError, StoreResult, Timer},
};

/// Returns the rankings of the most popular concerts: from the cache, else from the database. The
/// answer of the database is then cached, even an empty one (look-aside).
///
/// - An answer is shown for [`TopConcerts::SHOWN_UNASKED`] without asking either store again, but
///   not past the turn of its period.
/// - However many callers there are, this instance has at most one request to the cache and one
///   query of the database under way for each period (single flight).
/// - A cache that fails or hangs costs one short wait. Then it is skipped for a while. Meanwhile
///   the database is queried at most once in [`TopConcerts::UNCONFIRMED`].
/// - If both fail, or the database takes longer than [`TopConcerts::PATIENCE`], the last answer is
///   shown for [`TopConcerts::SHOWN_STALE`], marked as stale. If there is no last answer, the
///   caller waits.
pub struct TopConcerts(Arc<Inner>);

/// A ranking and how fresh it is. Two consecutive answers that are equal are the same allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankingAnswer {
    /// The ranking.
    pub ranking: Ranking,
    /// True if neither the cache nor the database returned a ranking in time, or the database
    /// failed to replace this one when that was due.
    pub stale: bool,
    /// When the next ranking is due. In the past if that is about to come.
    pub replaced_at: Timestamp,
}

struct Inner {
    cache: GuardedCache,
    source: Arc<dyn RankingSource>,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    zone: TimeZone,
    boards: PerPeriod<PeriodCache>,
}

impl TopConcerts {
    /// How long an answer is shown without asking either store again.
    pub const SHOWN_UNASKED: Duration = Duration::from_secs(1);

    /// How long to wait for the database if an old answer can be shown instead.
    pub const PATIENCE: Duration = Duration::from_millis(400);

    /// How long an answer that is still current is shown while the cache does not confirm it,
    /// before the database is queried.
    pub const UNCONFIRMED: Duration = Duration::from_secs(10);

    /// How long the lease for computing the next ranking lasts. After that another instance may
    /// compute it, for the case that the holder has died. A query takes less time than this, unless
    /// the database was given more time than usual.
    pub const LEASE: Duration = Duration::from_secs(30);

    /// How long after its last confirmation an answer is shown while neither store answers.
    pub const SHOWN_STALE: Duration = Duration::from_hours(24);

    /// Shows the rankings that `source` counts, in periods of the time zone `zone`.
    #[must_use]
    pub fn new(
        cache: Arc<dyn RankingCache>,
        source: Arc<dyn RankingSource>,
        clock: Arc<dyn Clock>,
        timer: Arc<dyn Timer>,
        zone: TimeZone,
    ) -> Self {
        Self(Arc::new(Inner {
            cache: GuardedCache::new(cache, Arc::clone(&clock), Arc::clone(&timer)),
            source,
            clock,
            timer,
            zone,
            boards: PerPeriod::default(),
        }))
    }

    /// Returns the ranking of `period`.
    ///
    /// # Errors
    /// When the cache has none, the database fails, and no ranking was known before.
    pub async fn top(&self, period: Period) -> StoreResult<Arc<RankingAnswer>> {
        let inner = &self.0;
        let cache = inner.boards.of(period);
        let now = inner.clock.now();
        if let Some(answer) = cache.at(now) {
            return Ok(answer);
        }
        let look = || Arc::clone(inner).find(period).boxed();
        let looks = &cache.looks;
        // A look-up that has been under way for longer than that is of an earlier time: it waits
        // for long, or no caller polls it any more. It is not joined, but the database query in it
        // is, if there is one.
        looks
            .join_younger_than(Self::SHOWN_UNASKED, now, look)
            .await
    }

    /// Returns the ranking of `period` that the cache has. If it has none or is down, returns the
    /// one that this instance knows, if that is still current. For jobs that compute ahead: the
    /// database is not asked.
    pub async fn latest(&self, period: Period) -> Option<Arc<RankingAnswer>> {
        let known = self.0.without_database(period).await?;
        Some(known.answer)
    }

    /// Computes the successor of `latest` in `period`, as of now, and caches it. Returns false
    /// while another instance that shares the cache holds the lease ([`TopConcerts::LEASE`]).
    ///
    /// # Errors
    /// When the database fails, or has failed and its back-off lasts. The lease is released then,
    /// so other instances may try. A cache that fails is no error: it only costs readers a query,
    /// and the database one query from each instance.
    pub async fn compute_ahead(
        &self,
        period: Period,
        latest: Option<&RankingAnswer>,
    ) -> StoreResult<bool> {
        let Self(inner) = self;
        let cache = inner.boards.of(period);
        // Joins a query that is under way. A query that would fail at once takes no lease.
        if cache.queries.is_under_way() || cache.rest.lasts(inner.clock.now()) {
            return inner.query(period).await.map(|_| true);
        }
        let after = latest.map(|latest| latest.ranking.as_of);
        if !inner.cache.claim(period, after, Self::LEASE).await {
            return Ok(false);
        }
        let computed = inner.query(period).await;
        if computed.is_err() {
            inner.cache.release(period, after).await;
        }
        computed.map(|_| true)
    }

    /// True if a successor of this ranking is to be computed, or is being computed and perhaps no
    /// caller waits for it any more.
    #[must_use]
    pub fn is_due(&self, answer: &RankingAnswer) -> bool {
        let now = self.0.clock.now();
        let cache = self.0.boards.of(answer.ranking.period);
        if cache.queries.is_under_way() {
            return true;
        }
        answer.replaced_at <= now || !answer.ranking.is_current(now, &self.0.zone)
    }
}

impl Inner {
    async fn find(self: Arc<Self>, period: Period) -> StoreResult<Arc<RankingAnswer>> {
        let found = self.without_database(period).await;
        let now = self.clock.now();
        if found.is_some_and(|known| known.unconfirmed_for(now) <= TopConcerts::UNCONFIRMED)
            && let Some(answer) = self.boards.of(period).show_again(now, &self.zone)
        {
            return Ok(answer);
        }
        let answer = self.ask_database(period).await;
        answer.or_else(|error| self.last_known(period).ok_or(error))
    }

    /// Queries the database. Waits without a limit if there is nothing to show instead. A query
    /// that is given up here is continued by the next caller or by the job.
    async fn ask_database(self: &Arc<Self>, period: Period) -> StoreResult<Arc<RankingAnswer>> {
        let query = self.query(period);
        if !self.knows(period) {
            return query.await;
        }
        let patience = self.timer.sleep(TopConcerts::PATIENCE);
        match select(pin!(query), patience).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(StoreError::not_applied("the database takes too long")),
        }
    }

    /// Returns the ranking that the cache has, or the one that this instance knows, if that is
    /// still current.
    async fn without_database(&self, period: Period) -> Option<Known> {
        let cached = match self.cache.get(period).await {
            // A ranking of another time zone counts as none.
            Cached::Ranking(cached) if !cached.is_of(&self.zone) => Cached::Nothing,
            cached => cached,
        };
        let now = self.clock.now();
        let cache = self.boards.of(period);
        let known = cache
            .known()
            .filter(|known| known.answer.ranking.is_current(now, &self.zone));
        if let Cached::Ranking(cached) = cached {
            cache.rest.answered_elsewhere(cached.as_of);
            let newer = |known: &Known| cached.as_of < known.answer.ranking.as_of;
            let ranking = match known.filter(newer) {
                Some(known) => {
                    // The cache has an older ranking if writes to it failed for a while.
                    self.keep(&known.answer.ranking).await;
                    known.answer.ranking.clone()
                }
                None => cached,
            };
            // A ranking that the database failed to replace when that was due may be wrong.
            let stale = cache.rest.is_after_failure() && !ranking.is_current(now, &self.zone);
            return Some(cache.show(ranking, stale, now, &self.zone));
        }
        let known = known?;
        if cached == Cached::Nothing {
            self.keep(&known.answer.ranking).await;
        }
        Some(known)
    }

    /// True if there is an answer that may be shown when there is no better one.
    fn knows(&self, period: Period) -> bool {
        let now = self.clock.now();
        let known = self.boards.of(period).known();
        known.is_some_and(|known| known.unconfirmed_for(now) <= TopConcerts::SHOWN_STALE)
    }

    /// Returns the last answer, if it is not too old.
    fn last_known(&self, period: Period) -> Option<Arc<RankingAnswer>> {
        let now = self.clock.now();
        let cache = self.boards.of(period);
        // The query may have succeeded in the meantime.
        if let Some(answer) = cache.at(now) {
            return Some(answer);
        }
        if !self.knows(period) {
            return None;
        }
        cache.show_stale(now, &self.zone)
    }

    /// Queries the database, or joins the query that is under way. Errors at once during the
    /// back-off after a failed query.
    async fn query(self: &Arc<Self>, period: Period) -> StoreResult<Arc<RankingAnswer>> {
        let cache = self.boards.of(period);
        if cache.rest.lasts(self.clock.now()) {
            return Err(StoreError::not_applied("the database failed a moment ago"));
        }
        let query = || {
            let compute = || Arc::clone(self).compute(period).boxed();
            cache.queries.join(self.clock.now(), compute)
        };
        let answer = query().await?;
        // A query that all its callers had abandoned may have completed long ago.
        if answer.ranking.is_current(self.clock.now(), &self.zone) {
            return Ok(answer);
        }
        query().await
    }

    async fn compute(self: Arc<Self>, period: Period) -> StoreResult<Arc<RankingAnswer>> {
        let now = self.clock.now();
        let span = period.span(now, &self.zone);
        let cache = self.boards.of(period);
        let items = match self.source.top(span, Ranking::MAX_ITEMS).await {
            Ok(items) => items,
            Err(error) => {
                cache.rest.failed(now, self.clock.now());
                return Err(error);
            }
        };
        cache.rest.answered();
        let ranking = Ranking {
            period,
            span,
            as_of: now,
            items,
        };
        let answer = cache.show(ranking, false, now, &self.zone).answer;
        self.keep(&answer.ranking).await;
        Ok(answer)
    }

    /// Caches a ranking for as long as it is of use.
    async fn keep(&self, ranking: &Ranking) {
        let until = ranking.period.cached_until(ranking.as_of, &self.zone);
        self.cache.put(ranking, until).await;
    }
}
