//! A ranking cache in a list.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use frontrow_domain::{
    model::{Period, Ranking},
    ports::{RankingCache, StoreResult},
};
use jiff::{SignedDuration, Timestamp};

use crate::Fixture;

/// A ranking cache in a list, the newest last.
#[derive(Default)]
pub(crate) struct ListedCache {
    rankings: Arc<List>,
}

#[derive(Default)]
struct List {
    rankings: Mutex<Vec<(Ranking, Timestamp)>>,
    claims: Mutex<Vec<Claim>>,
}

struct Claim {
    period: Period,
    after: Option<Timestamp>,
    until: Timestamp,
}

impl ListedCache {
    pub(crate) fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Fixture for ListedCache {
    type Ports = Arc<dyn RankingCache>;

    fn ports(&self) -> Self::Ports {
        Arc::<List>::clone(&self.rankings)
    }

    async fn shift_time(&mut self, _: SignedDuration) {}

    async fn lose_data(&mut self) {
        self.rankings = Arc::default();
    }

    async fn reopen(&mut self) {
        self.lose_data().await;
    }
}

#[async_trait]
impl RankingCache for List {
    async fn get(&self, period: Period, now: Timestamp) -> StoreResult<Option<Ranking>> {
        let list = self.rankings.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = list
            .iter()
            .rev()
            .find(|(ranking, _)| ranking.period == period);
        let good = newest.filter(|(_, until)| now < *until);
        Ok(good.map(|(ranking, _)| ranking.clone()))
    }

    async fn put(&self, ranking: &Ranking, until: Timestamp) -> StoreResult<()> {
        let mut list = self.rankings.lock().unwrap_or_else(PoisonError::into_inner);
        list.push((ranking.clone(), until));
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
        let taken = claims
            .iter()
            .any(|claim| claim.period == period && claim.after == after && now < claim.until);
        if !taken {
            claims.push(Claim {
                period,
                after,
                until,
            });
        }
        Ok(!taken)
    }

    async fn release(&self, period: Period, after: Option<Timestamp>) -> StoreResult<()> {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|claim| claim.period != period || claim.after != after);
        Ok(())
    }
}
