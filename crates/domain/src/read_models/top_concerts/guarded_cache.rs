//! The ranking cache behind a time-out and a circuit breaker.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use jiff::Timestamp;

use super::circuit_breaker::CircuitBreaker;
use crate::{
    model::{Period, Ranking, later},
    ports::{Clock, RankingCache, StoreError, StoreResult, Timer},
};

/// A cache that is called with a time-out of our own, and skipped for a while after a failure.
pub(super) struct GuardedCache {
    cache: Arc<dyn RankingCache>,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    breaker: CircuitBreaker,
}

/// The answer of the cache.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cached {
    Ranking(Ranking),
    /// It has no ranking, or has none any more.
    Nothing,
    /// Unknown: it fails, or failed a moment ago.
    Down,
}

impl GuardedCache {
    /// The time-out of a call.
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

    /// Caches a ranking if the cache is available.
    pub(super) async fn put(&self, ranking: &Ranking, until: Timestamp) {
        let put = self.cache.put(ranking, until);
        self.bounded(self.clock.now(), put).await;
    }

    /// Tries to take the lease for computing the successor of the ranking as of `after`. Returns
    /// false while another instance holds it. Returns true if the cache is not available.
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

    /// Releases the lease if the cache is available. Otherwise it ends by itself.
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
                    tracing::warn!(%error,
                        "the ranking cache fails; rankings are computed without it");
                }
                None
            }
        }
    }
}
