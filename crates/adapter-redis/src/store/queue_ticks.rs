//! The ticks of queues: admission, removal of expired places, and served entries.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{Cmd, Script};
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{AdmissionWindow, Arrival, Served, Throughput},
    },
    ports::{QueueTicks, Stamped, StoreResult, TickOutcome, TickReport},
};

use super::RedisStore;
use crate::{
    listing::Ticked,
    reply::{self, Reply},
    script_runner::Caller,
    scripts,
};

impl RedisStore {
    async fn tick(
        &self,
        concert: ConcertId,
        script: &Script,
        limits: &[u32],
    ) -> StoreResult<Stamped<TickOutcome>> {
        let limits = |call: &mut Cmd| {
            call.arg(limits);
        };
        let mut reply = self
            .runner
            .run_on_queue(Caller::Job, concert, script, limits)
            .await?;
        let (outcome, listed) = match reply.word.as_str() {
            "ticked" => {
                let report = report(&mut reply)?;
                let ticked = Ticked {
                    idle: reply.flag()?,
                    number: reply.number()?,
                    became_idle: reply.flag()?,
                };
                let listed = if report.more {
                    // The next chunk follows at once, and the last one updates the list.
                    Ok(())
                } else {
                    self.runner.list_after_tick(concert, ticked).await
                };
                (TickOutcome::Ticked(report), listed)
            }
            "unknown" => {
                let listed = self.runner.unlist_unknown(concert).await;
                (TickOutcome::NotSeeded, listed)
            }
            _ => return Err(reply::malformed_reply()),
        };
        // The tick was applied, so it must not fail because of the list: the error could even say
        // that nothing was applied.
        if let Err(error) = listed {
            tracing::warn!(%concert, %error,
                "failed to update the list of busy queues after a tick; a later tick retries");
        }
        Ok(reply.stamp(outcome))
    }
}

fn report(reply: &mut Reply) -> StoreResult<TickReport> {
    let queue = reply.view()?;
    Ok(TickReport {
        done: u32::try_from(reply.number()?).unwrap_or(u32::MAX),
        more: reply.flag()?,
        waiting: reply.count()?,
        aside: reply.count()?,
        active: reply.count()?,
        departed: reply.count()?,
        admitted: reply.count()?,
        policy_version: reply.version()?,
        throughput: throughput(reply.optional()?, reply.optional()?),
        window: window(reply)?,
        queue,
    })
}

/// Returns the throughput of the policy. None if it has none.
fn throughput(admit: Option<i64>, interval_us: Option<i64>) -> Option<Throughput> {
    Some(Throughput {
        admit: u32::try_from(admit?).ok()?,
        interval: Duration::from_micros(u64::try_from(interval_us?).ok()?),
    })
}

/// Reads the admission window. None if none has started.
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
        self.runner.read_list().await
    }

    /// Admits at most [`RedisStore::CHUNK`] users, and on the way removes or passes over at most
    /// [`RedisStore::EXPIRED_CHUNK`] expired or absent heads of the line, whatever the limit.
    async fn admit(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        let limits = [limit.min(Self::CHUNK), Self::EXPIRED_CHUNK];
        self.tick(concert, &scripts::ADMIT, &limits).await
    }

    /// Removes at most [`RedisStore::EXPIRED_CHUNK`] places, whatever the limit.
    async fn expire(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        let limits = [limit.min(Self::EXPIRED_CHUNK)];
        self.tick(concert, &scripts::EXPIRE, &limits).await
    }

    async fn served(&self, concert: ConcertId) -> StoreResult<Stamped<Option<Served>>> {
        let mut reply = self
            .runner
            .run_on_queue(Caller::Job, concert, &scripts::SERVED, |_| {})
            .await?;
        let served = match reply.word.as_str() {
            "served" => {
                reply.view()?;
                let up_to = reply.optional()?.map(Arrival::from_micros);
                let serving_since = reply::instant(reply.number()?)?;
                up_to.map(|up_to| Served {
                    up_to,
                    serving_since,
                })
            }
            "unknown" => None,
            _ => return Err(reply::malformed_reply()),
        };
        Ok(reply.stamp(served))
    }
}
