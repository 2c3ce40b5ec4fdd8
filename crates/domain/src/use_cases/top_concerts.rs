use std::{
    collections::HashMap,
    sync::{Arc, Mutex as SyncMutex, PoisonError},
    time::Duration,
};

use futures_util::lock::Mutex;
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    model::{Period, Ranking},
    ports::{Clock, RankingCache, RankingSource, StoreError, StoreResult},
};

/// Shows the most popular concerts: from the cache, else from the database, whose answer is then
/// cached, an empty one too (look-aside). When both fail, the last that was known is shown for a
/// while, marked as stale.
///
/// However many ask, this instance asks the database one query at a time for each period.
pub struct TopConcerts {
    cache: Arc<dyn RankingCache>,
    source: Arc<dyn RankingSource>,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    /// Lets one query through at a time for each period; remembers when the last one failed.
    turnstile: HashMap<Period, Mutex<Option<Timestamp>>>,
    last_known: SyncMutex<HashMap<Period, Ranking>>,
}

/// A ranking, and whether it is only the last that was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankingAnswer {
    /// The ranking.
    pub ranking: Ranking,
    /// True when neither the cache nor the database could be asked.
    pub stale: bool,
}

impl TopConcerts {
    /// For how long after a query has failed the database is left alone.
    pub const AFTER_FAILURE: Duration = Duration::from_secs(1);

    /// For how long after it was computed a ranking is shown when nothing newer can be had.
    pub const SHOWN_STALE: Duration = Duration::from_hours(24);

    /// Shows what `source` counts, in periods of `zone`.
    #[must_use]
    pub fn new(
        cache: Arc<dyn RankingCache>,
        source: Arc<dyn RankingSource>,
        clock: Arc<dyn Clock>,
        zone: TimeZone,
    ) -> Self {
        Self {
            cache,
            source,
            clock,
            zone,
            turnstile: Period::ALL
                .into_iter()
                .map(|period| (period, Mutex::default()))
                .collect(),
            last_known: SyncMutex::default(),
        }
    }

    /// The ranking of `period`, cut to its first `limit` concerts.
    ///
    /// # Errors
    /// When the cache has none, the database fails, and no ranking was known before.
    pub async fn top(&self, period: Period, limit: u8) -> StoreResult<RankingAnswer> {
        let mut answer = self.find(period).await?;
        answer.ranking.items.truncate(usize::from(limit));
        Ok(answer)
    }

    /// Computes the ranking of `period` as of now and caches it, whatever the cache has.
    ///
    /// # Errors
    /// When the database fails. A cache that fails only costs readers a query.
    pub async fn refresh(&self, period: Period) -> StoreResult<Ranking> {
        let _turn = match self.turnstile.get(&period) {
            Some(turnstile) => Some(turnstile.lock().await),
            None => None,
        };
        self.compute(period).await
    }

    /// The ranking in the cache; none where there is none, or the cache fails.
    pub async fn cached(&self, period: Period) -> Option<Ranking> {
        let now = self.clock.now();
        match self.cache.get(period, now).await {
            Ok(ranking) => ranking,
            Err(error) => {
                tracing::debug!(%error, period = period.as_str(), "the ranking cache failed");
                None
            }
        }
    }

    /// True when `ranking` is what would be computed now: of a finished period the one that finished
    /// last, of realtime one that is not old yet.
    #[must_use]
    pub fn is_current(&self, ranking: &Ranking) -> bool {
        let now = self.clock.now();
        match ranking.period {
            Period::Realtime => age(ranking, now) <= Period::REALTIME_TTL,
            finished => ranking.span == finished.span(now, &self.zone),
        }
    }

    async fn find(&self, period: Period) -> StoreResult<RankingAnswer> {
        if let Some(ranking) = self.cached(period).await {
            return Ok(fresh(ranking));
        }
        let Some(turnstile) = self.turnstile.get(&period) else {
            return self.compute(period).await.map(fresh);
        };
        let mut failed_at = turnstile.lock().await;
        // Whoever waited for a turn finds here what the one before has computed, or failed to.
        if let Some(ranking) = self.known(period)
            && self.is_current(&ranking)
        {
            return Ok(fresh(ranking));
        }
        let now = self.clock.now();
        let failed_lately =
            failed_at.is_some_and(|at| now.duration_since(at).unsigned_abs() < Self::AFTER_FAILURE);
        let error = if failed_lately {
            StoreError::not_applied("the database failed a moment ago")
        } else {
            match self.compute(period).await {
                Ok(ranking) => {
                    *failed_at = None;
                    return Ok(fresh(ranking));
                }
                Err(error) => {
                    *failed_at = Some(self.clock.now());
                    error
                }
            }
        };
        match self.known(period) {
            Some(ranking) if age(&ranking, now) <= Self::SHOWN_STALE => Ok(RankingAnswer {
                ranking,
                stale: true,
            }),
            _ => Err(error),
        }
    }

    async fn compute(&self, period: Period) -> StoreResult<Ranking> {
        let now = self.clock.now();
        let span = period.span(now, &self.zone);
        let ranking = Ranking {
            period,
            span,
            as_of: now,
            items: self.source.top(span, Ranking::MAX_ITEMS).await?,
        };
        self.last_known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(period, ranking.clone());
        let until = period.cached_until(now, &self.zone);
        if let Err(error) = self.cache.put(&ranking, until).await {
            tracing::debug!(%error, period = period.as_str(), "a ranking could not be cached");
        }
        Ok(ranking)
    }

    /// The last ranking that this instance computed.
    fn known(&self, period: Period) -> Option<Ranking> {
        self.last_known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&period)
            .cloned()
    }
}

fn fresh(ranking: Ranking) -> RankingAnswer {
    RankingAnswer {
        ranking,
        stale: false,
    }
}

fn age(ranking: &Ranking, now: Timestamp) -> Duration {
    now.duration_since(ranking.as_of).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::{
        model::RankedConcert,
        ports::{MockClock, MockRankingCache, MockRankingSource},
        use_cases::testing::*,
    };

    fn ranked(seats_sold: u64) -> RankedConcert {
        RankedConcert {
            concert: CONCERT,
            title: "A concert".into(),
            seats_sold,
        }
    }

    fn ranking(seats_sold: u64) -> Ranking {
        Ranking {
            period: Period::Daily,
            span: Period::Daily.span(at(100), &TimeZone::UTC),
            as_of: at(100),
            items: vec![ranked(seats_sold)],
        }
    }

    fn top(
        cache: MockRankingCache,
        source: MockRankingSource,
        clock: Arc<MockClock>,
    ) -> TopConcerts {
        TopConcerts::new(Arc::new(cache), Arc::new(source), clock, TimeZone::UTC)
    }

    #[tokio::test]
    async fn a_hit_asks_nobody_else() {
        let mut cache = MockRankingCache::new();
        cache.expect_get().return_once(|_, _| Ok(Some(ranking(3))));
        let top = top(cache, MockRankingSource::new(), clock(100));
        let answer = top.top(Period::Daily, 20).await.unwrap();
        assert_eq!((answer.ranking, answer.stale), (ranking(3), false));
    }

    #[tokio::test]
    async fn a_miss_asks_the_database_once_and_fills_the_cache() {
        let mut cache = MockRankingCache::new();
        cache.expect_get().returning(|_, _| Ok(None));
        cache
            .expect_put()
            .withf(|put, until| *put == ranking(3) && *until == at(2 * 86_400 - 86_400 + 300))
            .once()
            .returning(|_, _| Ok(()));
        let mut source = MockRankingSource::new();
        source
            .expect_top()
            .once()
            .returning(|_, _| Ok(vec![ranked(3)]));
        let top = top(cache, source, clock(100));
        let asked = join_all((0..100).map(|_| top.top(Period::Daily, 20))).await;
        assert!(
            asked
                .into_iter()
                .all(|answer| answer.unwrap().ranking == ranking(3))
        );
    }

    #[tokio::test]
    async fn a_dead_cache_is_passed_by() {
        let mut cache = MockRankingCache::new();
        cache.expect_get().returning(|_, _| Err(down()));
        cache.expect_put().returning(|_, _| Err(down()));
        let mut source = MockRankingSource::new();
        source.expect_top().returning(|_, _| Ok(vec![ranked(3)]));
        let top = top(cache, source, clock(100));
        assert!(!top.top(Period::Daily, 20).await.unwrap().stale);
    }

    /// A clock that is an hour later at every look.
    fn hurrying_clock() -> Arc<MockClock> {
        let mut clock = MockClock::new();
        let mut now = 0;
        clock.expect_now().returning(move || {
            now += 3_600;
            at(now)
        });
        Arc::new(clock)
    }

    #[tokio::test]
    async fn when_all_fails_the_last_known_is_shown_for_a_while() {
        let mut cache = MockRankingCache::new();
        cache.expect_get().returning(|_, _| Err(down()));
        cache.expect_put().returning(|_, _| Err(down()));
        let mut source = MockRankingSource::new();
        let mut first = true;
        source.expect_top().returning(move |_, _| {
            if std::mem::take(&mut first) {
                Ok(vec![ranked(3)])
            } else {
                Err(down())
            }
        });
        let top = top(cache, source, hurrying_clock());
        assert!(!top.top(Period::Realtime, 20).await.unwrap().stale);
        assert!(top.top(Period::Realtime, 20).await.unwrap().stale);
        while top.top(Period::Realtime, 20).await.is_ok() {}
    }

    #[tokio::test]
    async fn a_failed_database_is_left_alone_for_a_moment() {
        let mut cache = MockRankingCache::new();
        cache.expect_get().returning(|_, _| Err(down()));
        let mut source = MockRankingSource::new();
        source.expect_top().once().returning(|_, _| Err(down()));
        let top = top(cache, source, clock(100));
        let asked = join_all((0..100).map(|_| top.top(Period::Daily, 20))).await;
        assert!(asked.iter().all(Result::is_err));
    }

    #[tokio::test]
    async fn the_answer_is_as_long_as_asked_for() {
        let mut cache = MockRankingCache::new();
        let mut long = ranking(3);
        long.items = vec![ranked(3), ranked(2), ranked(1)];
        cache.expect_get().return_once(|_, _| Ok(Some(long)));
        let top = top(cache, MockRankingSource::new(), clock(100));
        assert_eq!(
            top.top(Period::Daily, 2).await.unwrap().ranking.items,
            [ranked(3), ranked(2)]
        );
    }
}
