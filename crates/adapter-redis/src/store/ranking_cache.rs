//! The cache of computed rankings, and the leases to compute them.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{Cmd, FromRedisValue};
use frontrow_domain::{
    model::{ConcertId, Period, RankedConcert, Ranking, Span, later},
    ports::{RankingCache, StoreError, StoreResult},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RedisStore;
use crate::{errors::Effect, script_runner::Caller};

/// How far the clock of the server may be ahead of this one. Without this margin a ranking whose
/// end has passed by the clock of the server would be dropped as soon as it is put.
const CLOCK_SKEW_MAX: Duration = Duration::from_mins(2);

/// A ranking as it is stored, in JSON.
#[derive(Debug, Serialize, Deserialize)]
struct StoredRanking {
    period: String,
    until: Timestamp,
    from: Timestamp,
    to: Timestamp,
    as_of: Timestamp,
    items: Vec<(ConcertId, String, u64)>,
}

impl StoredRanking {
    fn new(ranking: &Ranking, until: Timestamp) -> Self {
        let items = ranking.items.iter();
        Self {
            period: ranking.period.as_str().to_owned(),
            until,
            from: ranking.span.from,
            to: ranking.span.to,
            as_of: ranking.as_of,
            items: items
                .map(|item| (item.concert, item.title.clone(), item.seats_sold))
                .collect(),
        }
    }

    fn into_ranking(self, period: Period) -> Ranking {
        let items = self.items.into_iter();
        Ranking {
            period,
            span: Span {
                from: self.from,
                to: self.to,
            },
            as_of: self.as_of,
            items: items
                .map(|(concert, title, seats_sold)| RankedConcert {
                    concert,
                    title,
                    seats_sold,
                })
                .collect(),
        }
    }
}

impl RedisStore {
    /// Runs a command, and completes it even if the caller drops the future. A caller waits for a
    /// ranking for less than the time-out of a reply. If no call reached its time-out, a connection
    /// without replies would never be replaced.
    async fn run_to_end<T>(&self, command: Cmd, effect: Effect) -> StoreResult<T>
    where
        T: FromRedisValue + Send + 'static,
    {
        let runner = self.runner.clone();
        let call =
            tokio::spawn(
                async move { runner.run_command(Caller::Request, &command, effect).await },
            );
        call.await
            .unwrap_or_else(|_| Err(StoreError::outcome_unknown("a call to Redis was given up")))
    }
}

#[async_trait]
impl RankingCache for RedisStore {
    async fn get(&self, period: Period, now: Timestamp) -> StoreResult<Option<Ranking>> {
        let mut get = Cmd::new();
        get.arg("GET").arg(self.runner.keys.ranking(period));
        let stored: Option<Vec<u8>> = self.run_to_end(get, Effect::Reads).await?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        match serde_json::from_slice::<StoredRanking>(&stored) {
            // A ranking of another period must not be returned for this one.
            Ok(stored) if stored.period == period.as_str() => {
                Ok((now < stored.until).then(|| stored.into_ranking(period)))
            }
            Ok(_) => Ok(None),
            Err(error) => {
                // Perhaps another version of the program put it. The next put replaces it.
                tracing::warn!(%error, period = period.as_str(),
                    "failed to parse a cached ranking; it is ignored until it is replaced");
                Ok(None)
            }
        }
    }

    /// The server drops the ranking after its end, by its own clock. A reader checks the end by
    /// the reader's clock.
    async fn put(&self, ranking: &Ranking, until: Timestamp) -> StoreResult<()> {
        let stored = serde_json::to_vec(&StoredRanking::new(ranking, until))
            .map_err(StoreError::not_applied)?;
        let mut set = Cmd::new();
        set.arg("SET").arg(self.runner.keys.ranking(ranking.period));
        set.arg(stored);
        let expires_at = later(until, CLOCK_SKEW_MAX).as_millisecond();
        set.arg("PXAT").arg(expires_at.max(1));
        self.run_to_end(set, Effect::Writes).await
    }

    /// The server ends a lease after `until` − `now`, by its own clock.
    async fn claim(
        &self,
        period: Period,
        after: Option<Timestamp>,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<bool> {
        let duration_ms = until.duration_since(now).as_millis();
        let mut set = Cmd::new();
        set.arg("SET")
            .arg(self.runner.keys.ranking_claim(period, after));
        set.arg(1).arg("NX").arg("PX").arg(duration_ms.max(1));
        let granted: Option<String> = self.run_to_end(set, Effect::Writes).await?;
        Ok(granted.is_some())
    }

    async fn release(&self, period: Period, after: Option<Timestamp>) -> StoreResult<()> {
        let mut del = Cmd::new();
        del.arg("DEL")
            .arg(self.runner.keys.ranking_claim(period, after));
        self.run_to_end(del, Effect::Writes).await
    }
}
