//! The queues, as the jobs move them on.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{Cmd, Script};
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{AdmissionWindow, Throughput},
    },
    ports::{QueueTicks, Stamped, StoreResult, TickOutcome, TickReport},
};

use super::RedisStore;
use crate::{
    calls::Caller,
    reply::{self, Reply},
    scripts,
};

impl RedisStore {
    async fn tick(
        &self,
        concert: ConcertId,
        script: &Script,
        limit: u32,
    ) -> StoreResult<Stamped<TickOutcome>> {
        let limit = |call: &mut Cmd| {
            call.arg(limit.min(Self::CHUNK));
        };
        let mut reply = self
            .calls
            .on_queue(Caller::Job, concert, script, limit)
            .await?;
        match reply.what.as_str() {
            "ticked" => {
                let report = report(&mut reply)?;
                let (idle, listing) = (reply.flag()?, reply.number()?);
                let listed = if idle {
                    self.calls.unlist(concert, listing).await
                } else if report.more {
                    // The next chunk follows at once, and the last one sees to it.
                    Ok(())
                } else {
                    // Done at every tick: the server may have lost its list, or never have had the entry.
                    self.calls.list(Caller::Job, concert, listing | 1).await
                };
                // The tick was done. To say that it failed, and perhaps that nothing was changed, would
                // not be true.
                if let Err(error) = listed {
                    tracing::warn!(%concert, %error, "the list of busy queues is left as it is");
                }
                Ok(reply.stamp(TickOutcome::Ticked(report)))
            }
            "unknown" => Ok(reply.stamp(TickOutcome::NotSeeded)),
            _ => Err(reply::strange()),
        }
    }
}

fn report(reply: &mut Reply) -> StoreResult<TickReport> {
    let queue = reply.view()?;
    Ok(TickReport {
        done: u32::try_from(reply.number()?).unwrap_or(u32::MAX),
        more: reply.flag()?,
        waiting: reply.count()?,
        active: reply.count()?,
        departed: reply.count()?,
        admitted: reply.count()?,
        throughput: throughput(reply.optional()?, reply.optional()?),
        window: window(reply)?,
        queue,
    })
}

/// The throughput of the policy. None where it has none.
fn throughput(admit: Option<i64>, interval_us: Option<i64>) -> Option<Throughput> {
    Some(Throughput {
        admit: u32::try_from(admit?).ok()?,
        interval: Duration::from_micros(u64::try_from(interval_us?).ok()?),
    })
}

/// The admission window. None where there is none.
fn window(reply: &mut Reply) -> StoreResult<Option<AdmissionWindow>> {
    let (start, interval) = (reply.optional()?, reply.optional()?);
    let admitted = reply.number()?;
    let (Some(start), Some(interval)) = (start, interval) else {
        return Ok(None);
    };
    Ok(Some(AdmissionWindow {
        start: reply::instant(start)?,
        interval: Duration::from_micros(reply::count(interval)?),
        admitted: u32::try_from(admitted).unwrap_or(u32::MAX),
    }))
}

#[async_trait]
impl QueueTicks for RedisStore {
    async fn busy(&self) -> StoreResult<Vec<ConcertId>> {
        self.calls.listed().await
    }

    /// Admits at most [`RedisStore::CHUNK`], whatever the limit.
    async fn admit(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        self.tick(concert, &scripts::ADMIT, limit).await
    }

    /// Removes at most [`RedisStore::CHUNK`], whatever the limit.
    async fn expire(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        self.tick(concert, &scripts::EXPIRE, limit).await
    }
}
