use std::sync::Arc;

use jiff::{SignedDuration, tz::TimeZone};

use crate::{
    model::Period,
    ports::{Clock, RankingCounters, StoreResult},
};

/// The maximum number of reservations, or counters, in one call of the database. Their rows are
/// locked until its commit.
const CHUNK: u32 = 1_000;
/// The maximum number of calls in one run. The next run does the rest.
const CHUNKS: usize = 100;

/// Adds sales to the counters behind the rankings. Rankings are right before that, too, but then
/// each sale that is not in a counter is read.
pub struct RollUpSales {
    /// The counters.
    pub counters: Arc<dyn RankingCounters>,
}

/// Removes the counters of minutes and hours that no period can reach any more.
pub struct PruneCounters {
    /// The counters.
    pub counters: Arc<dyn RankingCounters>,
    /// Says how old a counter is.
    pub clock: Arc<dyn Clock>,
    /// The time zone in which periods turn.
    pub zone: TimeZone,
}

impl RollUpSales {
    /// Adds the sales that are not counted yet. Returns how many reservations those were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run(&self) -> StoreResult<u64> {
        let mut added = 0;
        for _ in 0..CHUNKS {
            let done = self.counters.add_up(CHUNK).await?;
            added += u64::from(done);
            if done < CHUNK {
                break;
            }
        }
        Ok(added)
    }
}

impl PruneCounters {
    /// How much longer than periods reach counters are kept: for the clocks of other instances, and
    /// so that another time zone can be configured without waiting.
    pub const SPARE: SignedDuration = SignedDuration::from_hours(72);

    /// Removes the counters that are due. Returns how many those were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run(&self) -> StoreResult<u64> {
        let now = self.clock.now();
        let earlier = now.checked_sub(Self::SPARE).unwrap_or(now);
        let before = Period::reach(earlier, &self.zone);
        let before = before.checked_sub(Self::SPARE).unwrap_or(before);
        let mut forgotten = 0;
        for _ in 0..CHUNKS {
            let done = self.counters.forget(before, CHUNK).await?;
            forgotten += u64::from(done);
            if done < CHUNK {
                break;
            }
        }
        Ok(forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ports::{MockClock, MockRankingCounters},
        test_support::*,
    };

    #[tokio::test]
    async fn sales_are_added_up_until_none_is_left() {
        let mut counters = MockRankingCounters::new();
        let mut left = 2_300_u32;
        counters.expect_add_up().times(3).returning(move |limit| {
            let done = left.min(limit);
            left -= done;
            Ok(done)
        });
        let counters = Arc::new(counters);
        assert_eq!(RollUpSales { counters }.run().await, Ok(2_300));
    }

    #[tokio::test]
    async fn a_failure_is_returned() {
        let mut counters = MockRankingCounters::new();
        counters.expect_add_up().once().returning(|_| Err(down()));
        let counters = Arc::new(counters);
        assert_eq!(RollUpSales { counters }.run().await, Err(down()));
    }

    /// The check covers all time zones, because another one may be configured later.
    #[tokio::test]
    async fn only_counters_that_no_period_can_reach_are_removed() {
        let now = at(1_800_000_000);
        let mut counters = MockRankingCounters::new();
        counters
            .expect_forget()
            .withf(move |before, _| {
                let reach = |zone| Period::reach(now, &TimeZone::get(zone).unwrap());
                ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"]
                    .into_iter()
                    .all(|zone| *before < reach(zone))
                    && *before > now - SignedDuration::from_hours(24 * 70)
            })
            .once()
            .returning(|_, _| Ok(7));
        let mut clock = MockClock::new();
        clock.expect_now().return_const(now);
        let prune = PruneCounters {
            counters: Arc::new(counters),
            clock: Arc::new(clock),
            zone: TimeZone::get("Asia/Seoul").unwrap(),
        };
        assert_eq!(prune.run().await, Ok(7));
    }
}
