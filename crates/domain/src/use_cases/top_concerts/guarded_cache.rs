//! The cache, for those who would rather go without than wait.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use jiff::Timestamp;

use super::circuit_breaker::CircuitBreaker;
use crate::{
    model::{Period, Ranking, later},
    ports::{Clock, RankingCache, StoreError, StoreResult, Timer},
};

/// A cache that is asked within a bound of our own, and after a failure not at all for a while.
pub(super) struct GuardedCache {
    cache: Arc<dyn RankingCache>,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    breaker: CircuitBreaker,
}

/// What the cache has.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cached {
    Ranking(Ranking),
    /// Nothing, or nothing any more.
    Nothing,
    /// Nobody knows: it fails, or did a moment ago.
    Down,
}

impl GuardedCache {
    /// How long an answer of the cache is waited for.
    pub(super) const PATIENCE: Duration = Duration::from_millis(150);

    pub(super) fn new(
        cache: Arc<dyn RankingCache>,
        clock: Arc<dyn Clock>,
        timer: Arc<dyn Timer>,
    ) -> Self {
        Self {
            cache,
            clock,
            timer,
            breaker: CircuitBreaker::default(),
        }
    }

    pub(super) async fn get(&self, period: Period) -> Cached {
        let now = self.clock.now();
        match self.bounded(now, self.cache.get(period, now)).await {
            Some(Some(ranking)) => Cached::Ranking(ranking),
            Some(None) => Cached::Nothing,
            None => Cached::Down,
        }
    }

    /// Keeps a ranking, if that is to be had.
    pub(super) async fn put(&self, ranking: &Ranking, until: Timestamp) {
        let put = self.cache.put(ranking, until);
        self.bounded(self.clock.now(), put).await;
    }

    /// True when this instance is to compute what comes after the ranking as of `after`: nobody else has
    /// claimed that, as far as can be known.
    pub(super) async fn claim(
        &self,
        period: Period,
        after: Option<Timestamp>,
        lasts: Duration,
    ) -> bool {
        let now = self.clock.now();
        let claim = self.cache.claim(period, after, now, later(now, lasts));
        self.bounded(now, claim).await.unwrap_or(true)
    }

    /// Gives back what was claimed, if that is to be had; else it ends by itself.
    pub(super) async fn release(&self, period: Period, after: Option<Timestamp>) {
        let release = self.cache.release(period, after);
        self.bounded(self.clock.now(), release).await;
    }

    async fn bounded<T>(
        &self,
        now: Timestamp,
        call: impl Future<Output = StoreResult<T>>,
    ) -> Option<T> {
        if !self.breaker.lets_ask(now) {
            return None;
        }
        let answer = match select(pin!(call), self.timer.sleep(Self::PATIENCE)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(StoreError::outcome_unknown("no answer in time")),
        };
        match answer {
            Ok(answer) => {
                if self.breaker.answered() {
                    tracing::info!("the ranking cache answers again");
                }
                Some(answer)
            }
            Err(error) => {
                if self.breaker.failed(self.clock.now()) {
                    tracing::warn!(%error, "the ranking cache fails and is passed by");
                }
                None
            }
        }
    }
}
