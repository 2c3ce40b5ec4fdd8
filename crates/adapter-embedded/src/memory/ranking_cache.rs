//! The computed rankings.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError, RwLock},
};

use async_trait::async_trait;
use frontrow_domain::{
    model::{Period, Ranking},
    ports::{RankingCache, StoreResult},
};
use jiff::Timestamp;

/// The rankings of one process, in its memory: one per period, so they need no clean-up.
#[derive(Debug, Default)]
pub struct MemoryRankingCache {
    kept: RwLock<HashMap<Period, Kept>>,
    /// The ends of leases. Those that are over are removed when the next lease is requested.
    claims: Mutex<HashMap<(Period, Option<Timestamp>), Timestamp>>,
}

#[derive(Debug)]
struct Kept {
    ranking: Ranking,
    until: Timestamp,
}

impl MemoryRankingCache {
    /// Makes an empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl RankingCache for MemoryRankingCache {
    async fn get(&self, period: Period, now: Timestamp) -> StoreResult<Option<Ranking>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        Ok(kept
            .get(&period)
            .filter(|kept| now < kept.until)
            .map(|kept| kept.ranking.clone()))
    }

    async fn put(&self, ranking: &Ranking, until: Timestamp) -> StoreResult<()> {
        let ranking = ranking.clone();
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.insert(ranking.period, Kept { ranking, until });
        Ok(())
    }

    async fn claim(
        &self,
        period: Period,
        after: Option<Timestamp>,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<bool> {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|_, until| now < *until);
        let free = !claims.contains_key(&(period, after));
        claims.entry((period, after)).or_insert(until);
        Ok(free)
    }

    async fn release(&self, period: Period, after: Option<Timestamp>) -> StoreResult<()> {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.remove(&(period, after));
        Ok(())
    }
}
