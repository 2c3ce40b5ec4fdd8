use std::sync::Arc;

use super::TopConcerts;
use crate::{model::Period, ports::StoreResult};

/// Computes rankings ahead of their readers: each finished period once it is over, realtime anew
/// each time.
pub struct WarmRankings {
    /// Computes and caches them.
    pub top: Arc<TopConcerts>,
}

impl WarmRankings {
    /// Computes what the cache does not have, or has of an older period; gives how many that were.
    /// A server that was down at a turn so catches up at its start.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run(&self) -> StoreResult<usize> {
        let mut computed = 0;
        for period in Period::ALL {
            let cached = match period {
                Period::Realtime => None,
                _ => self.top.cached(period).await,
            };
            if !cached.is_some_and(|ranking| self.top.is_current(&ranking)) {
                self.top.refresh(period).await?;
                computed += 1;
            }
        }
        Ok(computed)
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::{
        model::Ranking,
        ports::{MockRankingCache, MockRankingSource},
        use_cases::testing::*,
    };

    const DAY: i64 = 86_400;

    async fn computed(cached_at: Option<i64>, now: i64) -> usize {
        let mut cache = MockRankingCache::new();
        cache.expect_get().returning(move |period, _| {
            Ok(cached_at.map(|second| Ranking {
                period,
                span: period.span(at(second), &TimeZone::UTC),
                as_of: at(second),
                items: Vec::new(),
            }))
        });
        cache.expect_put().returning(|_, _| Ok(()));
        let mut source = MockRankingSource::new();
        source.expect_top().returning(|_, _| Ok(Vec::new()));
        let warm = WarmRankings {
            top: Arc::new(TopConcerts::new(
                Arc::new(cache),
                Arc::new(source),
                clock(now),
                TimeZone::UTC,
            )),
        };
        warm.run().await.unwrap()
    }

    #[tokio::test]
    async fn an_empty_cache_is_filled() {
        assert_eq!(computed(None, DAY).await, 4);
    }

    #[tokio::test]
    async fn within_a_day_only_realtime_is_new() {
        assert_eq!(computed(Some(DAY), 2 * DAY - 1).await, 1);
    }

    #[tokio::test]
    async fn at_the_turn_of_the_day_the_day_before_is_computed() {
        assert_eq!(computed(Some(DAY), 2 * DAY).await, 2);
    }
}
