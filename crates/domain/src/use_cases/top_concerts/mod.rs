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

/// Shows the most popular concerts: from the cache, else from the database, whose answer is then
/// cached, an empty one too (look-aside).
///
/// - An answer is shown for [`TopConcerts::SHOWN_UNASKED`] without asking anybody, though not past the
///   turn of its period.
/// - However many ask, this instance asks the cache and the database one question at a time for each
///   period.
/// - A cache that fails or hangs costs one short wait; then it is passed by for a while. Meanwhile the
///   database is asked at most every [`TopConcerts::UNCONFIRMED`].
/// - When both fail, or the database takes longer than [`TopConcerts::PATIENCE`], the last answer is shown
///   for [`TopConcerts::SHOWN_STALE`], marked as stale. Who has none to show waits.
pub struct TopConcerts(Arc<Inner>);

/// A ranking, and what is known of its worth. Two that are shown one after the other and are equal are the
/// same allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankingAnswer {
    /// The ranking.
    pub ranking: Ranking,
    /// True when neither the cache nor the database gave one in time, or the database failed to replace it
    /// when that was due.
    pub stale: bool,
    /// When another one is due; in the past where it is about to come.
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
    /// For how long an answer is shown without asking again.
    pub const SHOWN_UNASKED: Duration = Duration::from_secs(1);

    /// For how long the database is waited for where an old answer can be shown instead.
    pub const PATIENCE: Duration = Duration::from_millis(400);

    /// For how long an answer that is still current is shown while the cache does not confirm it,
    /// before the database is asked.
    pub const UNCONFIRMED: Duration = Duration::from_secs(10);

    /// For how long an instance that computes ahead has the time to do so before another one tries, which
    /// matters where the first is no more: longer than a query may take, unless the database was given more
    /// time than usual.
    pub const CLAIM: Duration = Duration::from_secs(30);

    /// For how long after somebody has confirmed it an answer is shown when nobody can be asked.
    pub const SHOWN_STALE: Duration = Duration::from_hours(24);

    /// Shows what `source` counts, in periods of `zone`.
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

    /// The ranking of `period`.
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
        // One that waits for long, or that nobody waits for, is of an earlier time. The query in it, if
        // there is one, is joined all the same.
        looks
            .join_younger_than(Self::SHOWN_UNASKED, now, look)
            .await
    }

    /// The ranking of `period` in the cache; where it has none, or is down, the one that this instance
    /// knows, if nothing has come after it. For those who compute ahead: nobody else is asked.
    pub async fn latest(&self, period: Period) -> Option<Arc<RankingAnswer>> {
        let known = self.0.without_database(period).await?;
        Some(known.answer)
    }

    /// Computes the ranking of `period` that comes after `latest`, as of now, and caches it; false where
    /// another instance that shares the cache has claimed to, and [`TopConcerts::CLAIM`] is not over.
    ///
    /// # Errors
    /// When the database fails, or has failed and is left alone for a while; then others may try. A cache
    /// that fails only costs readers a query, and the database that of each instance.
    pub async fn compute_ahead(
        &self,
        period: Period,
        latest: Option<&RankingAnswer>,
    ) -> StoreResult<bool> {
        let Self(inner) = self;
        let cache = inner.boards.of(period);
        // What is under way is joined, and what would fail at once claims nothing.
        if cache.queries.is_under_way() || cache.rest.lasts(inner.clock.now()) {
            return inner.query(period).await.map(|_| true);
        }
        let after = latest.map(|latest| latest.ranking.as_of);
        if !inner.cache.claim(period, after, Self::CLAIM).await {
            return Ok(false);
        }
        let computed = inner.query(period).await;
        if computed.is_err() {
            inner.cache.release(period, after).await;
        }
        computed.map(|_| true)
    }

    /// True when another ranking is to be computed in place of this one, or is being computed and nobody
    /// may be waiting for that any more.
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

    /// For as long as it takes where there is nothing to be shown instead. What is given up here is taken
    /// up by whoever asks next, or by the job.
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

    /// What the cache has, or what this instance knows, if nothing can have come after it.
    async fn without_database(&self, period: Period) -> Option<Known> {
        let cached = match self.cache.get(period).await {
            // To us, that of another zone is none.
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
                    // A cache that could not be written to for a while has an older one.
                    self.keep(&known.answer.ranking).await;
                    known.answer.ranking.clone()
                }
                None => cached,
            };
            // What the database failed to replace when it was time may be wrong.
            let stale = cache.rest.is_after_failure() && !ranking.is_current(now, &self.zone);
            return Some(cache.show(ranking, stale, now, &self.zone));
        }
        let known = known?;
        if cached == Cached::Nothing {
            self.keep(&known.answer.ranking).await;
        }
        Some(known)
    }

    /// True when there is an answer that may be shown if there is no better one.
    fn knows(&self, period: Period) -> bool {
        let now = self.clock.now();
        let known = self.boards.of(period).known();
        known.is_some_and(|known| known.unconfirmed_for(now) <= TopConcerts::SHOWN_STALE)
    }

    /// The last answer, where that is not too long ago.
    fn last_known(&self, period: Period) -> Option<Arc<RankingAnswer>> {
        let now = self.clock.now();
        let cache = self.boards.of(period);
        // The query may have been answered this very moment.
        if let Some(answer) = cache.at(now) {
            return Some(answer);
        }
        if !self.knows(period) {
            return None;
        }
        cache.show_stale(now, &self.zone)
    }

    /// Asks the database, or waits for the query that is under way. Fails at once where the last one has
    /// failed a moment ago.
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
        // One that everybody had hung up on may have been answered long ago.
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

    /// Caches a ranking for as long as it is worth anything.
    async fn keep(&self, ranking: &Ranking) {
        let until = ranking.period.cached_until(ranking.as_of, &self.zone);
        self.cache.put(ranking, until).await;
    }
}
