//! The control of queues: seeds, policies, sales and removal.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{Cmd, ToRedisArgs};
use frontrow_domain::{
    model::{
        ConcertId, LATEST_PLAN,
        queue::{Arrival, Deadlines, PolicyVersion, QueuePolicy, QueueSeed, SaleCount},
    },
    ports::{QueueControl, RemoveOutcome, SeedOutcome, Stamped, StoreResult},
};

use super::RedisStore;
use crate::{
    errors::Effect,
    format, reply,
    script_runner::Caller,
    scripts::{self, FORMER_FORMAT},
};

/// Adds the arguments of `lua/seed.lua` for a seed, in their order.
fn write_seed(call: &mut Cmd, seed: &QueueSeed) {
    call.arg(seed.policy.version.0)
        .arg(seed.generation.to_string());
    write_optional(call, seed.recovery.map(|recovery| micros(recovery.lasts)));
    let QueuePolicy {
        state,
        opens_at,
        throughput,
        capacity,
        waiting_ttl,
        claim_ttl,
        active_ttl,
        max_waiting,
        absent_after: _,
    } = &seed.policy.policy;
    let absence = seed.policy.policy.absence();
    call.arg(reply::state_word(*state));
    // A plan from before today's limit would exceed what the doubles of a script keep exactly.
    let opens_at = opens_at.map(|at| at.min(LATEST_PLAN).as_microsecond());
    write_optional(call, opens_at);
    write_optional(call, throughput.map(|throughput| throughput.admit));
    write_optional(
        call,
        throughput.map(|throughput| micros(throughput.interval)),
    );
    write_optional(call, capacity.map(|capacity| capacity.max_active));
    write_optional(call, *max_waiting);
    for ttl in [waiting_ttl, claim_ttl, active_ttl] {
        call.arg(micros(*ttl));
    }
    call.arg(micros(Deadlines::OUTAGE_AFTER));
    write_optional(call, absence.map(micros));
    // A larger number exceeds what the doubles of a script keep exactly.
    call.arg(
        seed.policy
            .policy
            .near_positions()
            .min(QueuePolicy::MAX_WAITING),
    );
    let served = seed.recovery.and_then(|recovery| recovery.served_up_to);
    write_optional(call, served.map(Arrival::micros));
}

fn write_optional(call: &mut Cmd, value: Option<impl ToRedisArgs>) {
    match value {
        Some(value) => call.arg(value),
        None => call.arg(""),
    };
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[async_trait]
impl QueueControl for RedisStore {
    async fn seed(&self, seed: &QueueSeed) -> StoreResult<Stamped<SeedOutcome>> {
        let mut reply = self
            .runner
            .run_on_queue(Caller::Job, seed.concert, &scripts::SEED, |call| {
                write_seed(call, seed);
            })
            .await?;
        match reply.word.as_str() {
            "taken" => {
                let recovering = reply.flag()?;
                if recovering {
                    // Users may re-enter at any moment.
                    let listing = reply.number()?;
                    self.runner
                        .try_to_list(Caller::Job, seed.concert, listing)
                        .await;
                }
                Ok(reply.stamp(SeedOutcome::Taken { recovering }))
            }
            "has_newer" => {
                let version = reply.version()?;
                Ok(reply.stamp(SeedOutcome::HasNewer(version)))
            }
            _ => Err(reply::malformed_reply()),
        }
    }

    async fn policy_version(&self, concert: ConcertId) -> StoreResult<Option<PolicyVersion>> {
        let mut get = Cmd::new();
        get.arg("HMGET").arg(self.runner.keys.queue_hash(concert));
        get.arg("version").arg("format");
        let stored = self.runner.run_command(Caller::Job, &get, Effect::Reads);
        let (version, format): (Option<i64>, Option<Vec<u8>>) = stored.await?;
        match format {
            Some(format) if format != FORMER_FORMAT.as_bytes() => {
                format::check_queue_format(&format)?;
                Ok(version.map(PolicyVersion))
            }
            // A queue of an earlier version, which a seed converts; or no queue.
            _ => Ok(None),
        }
    }

    async fn set_sale(&self, concert: ConcertId, count: SaleCount) -> StoreResult<()> {
        let hash = [self.runner.keys.queue_hash(concert)];
        let value = |call: &mut Cmd| {
            call.arg(count.sale.number())
                .arg(count.counted_at.as_microsecond());
        };
        self.runner
            .run_on_keys(Caller::Job, &hash, &scripts::SET_SALE, value)
            .await
            .map(drop)
    }

    async fn is_empty(&self, concert: ConcertId) -> StoreResult<bool> {
        let mut reply = self
            .runner
            .run_on_queue(Caller::Job, concert, &scripts::IS_EMPTY, |_| {})
            .await?;
        match reply.word.as_str() {
            "empty" => reply.flag(),
            "unknown" => Ok(true),
            _ => Err(reply::malformed_reply()),
        }
    }

    async fn remove(&self, concert: ConcertId) -> StoreResult<RemoveOutcome> {
        let reply = self
            .runner
            .run_on_queue(Caller::Job, concert, &scripts::REMOVE, |_| {})
            .await?;
        match reply.word.as_str() {
            "not_closed" => Ok(RemoveOutcome::NotClosed),
            "not_empty" => Ok(RemoveOutcome::NotEmpty),
            "removed" | "unknown" => {
                self.runner.unlist_removed(concert).await?;
                Ok(RemoveOutcome::Removed)
            }
            _ => Err(reply::malformed_reply()),
        }
    }
}
