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

/// How far the clock of the server may be ahead of this one. Without it a ranking whose end has
/// passed by the clock of the server would be dropped as soon as it is put.
const CLOCKS_APART: Duration = Duration::from_mins(2);

/// A ranking as it is stored, in JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    period: String,
    until: Timestamp,
    from: Timestamp,
    to: Timestamp,
    as_of: Timestamp,
    items: Vec<(ConcertId, String, u64)>,
}

impl Kept {
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
    async fn to_its_end<T>(&self, command: Cmd, effect: Effect) -> StoreResult<T>
    where
        T: FromRedisValue + Send + 'static,
    {
        let calls = self.calls.clone();
        let call =
            tokio::spawn(async move { calls.command(Caller::Request, &command, effect).await });
        call.await
            .unwrap_or_else(|_| Err(StoreError::outcome_unknown("a call to Redis was given up")))
    }
}

#[async_trait]
impl RankingCache for RedisStore {
    async fn get(&self, period: Period, now: Timestamp) -> StoreResult<Option<Ranking>> {
        let mut get = Cmd::new();
        get.arg("GET").arg(self.calls.keys.ranking(period));
        let kept: Option<Vec<u8>> = self.to_its_end(get, Effect::Reads).await?;
        let Some(kept) = kept else {
            return Ok(None);
        };
        match serde_json::from_slice::<Kept>(&kept) {
            // A ranking of another period must not answer for this one.
            Ok(kept) if kept.period == period.as_str() => {
                Ok((now < kept.until).then(|| kept.into_ranking(period)))
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
        let kept =
            serde_json::to_vec(&Kept::new(ranking, until)).map_err(StoreError::not_applied)?;
        let mut set = Cmd::new();
        set.arg("SET").arg(self.calls.keys.ranking(ranking.period));
        set.arg(kept);
        let dropped = later(until, CLOCKS_APART).as_millisecond();
        set.arg("PXAT").arg(dropped.max(1));
        self.to_its_end(set, Effect::Writes).await
    }

    /// The server ends a lease after `until` − `now`, by its own clock.
    async fn claim(
        &self,
        period: Period,
        after: Option<Timestamp>,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<bool> {
        let lasts = until.duration_since(now).as_millis();
        let mut set = Cmd::new();
        set.arg("SET")
            .arg(self.calls.keys.ranking_claim(period, after));
        set.arg(1).arg("NX").arg("PX").arg(lasts.max(1));
        let granted: Option<String> = self.to_its_end(set, Effect::Writes).await?;
        Ok(granted.is_some())
    }

    async fn release(&self, period: Period, after: Option<Timestamp>) -> StoreResult<()> {
        let mut del = Cmd::new();
        del.arg("DEL")
            .arg(self.calls.keys.ranking_claim(period, after));
        self.to_its_end(del, Effect::Writes).await
    }
}
