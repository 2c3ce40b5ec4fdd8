use std::sync::Arc;

use super::{Browse, TopConcerts};
use crate::{
    model::{Concert, Period, Ranking},
    ports::StoreResult,
};

/// Computes rankings ahead of their readers: each finished period once it is over, realtime anew
/// each time.
pub struct WarmRankings {
    /// Computes and caches them.
    pub top: Arc<TopConcerts>,
    /// Says what concerts are called now.
    pub browse: Arc<Browse>,
}

impl WarmRankings {
    /// Computes what the cache does not have, has of an older period, or has under titles that have
    /// changed since; gives how many that were. A server that was down at a turn so catches up at its
    /// start.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run(&self) -> StoreResult<usize> {
        let catalogue = self.browse.catalogue().await?;
        let mut computed = 0;
        for period in Period::ALL {
            let cached = match period {
                Period::Realtime => None,
                _ => self.top.cached(period).await,
            };
            let good =
                |ranking| self.top.is_current(&ranking) && has_their_titles(&ranking, &catalogue);
            if !cached.is_some_and(good) {
                self.top.refresh(period).await?;
                computed += 1;
            }
        }
        Ok(computed)
    }
}

/// True when the ranking calls its concerts as the catalogue does.
fn has_their_titles(ranking: &Ranking, catalogue: &[Concert]) -> bool {
    ranking.items.iter().all(|item| {
        let concert = catalogue.iter().find(|concert| concert.id == item.concert);
        concert.is_none_or(|concert| concert.title.as_str() == item.title)
    })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::{
        model::{ConcertTitle, RankedConcert},
        ports::{MockConcerts, MockRankingCache, MockRankingSource},
        use_cases::testing::*,
    };

    const DAY: i64 = 86_400;

    async fn computed(cached_at: Option<i64>, now: i64) -> usize {
        computed_with(cached_at, now, "A concert").await
    }

    /// How much is computed anew when the cache ranks a concert that is now called `title`.
    async fn computed_with(cached_at: Option<i64>, now: i64, title: &str) -> usize {
        let mut cache = MockRankingCache::new();
        cache.expect_get().returning(move |period, _| {
            Ok(cached_at.map(|second| Ranking {
                period,
                span: period.span(at(second), &TimeZone::UTC),
                as_of: at(second),
                items: vec![RankedConcert {
                    concert: CONCERT,
                    title: "A concert".into(),
                    seats_sold: 3,
                }],
            }))
        });
        cache.expect_put().returning(|_, _| Ok(()));
        let mut source = MockRankingSource::new();
        source.expect_top().returning(|_, _| Ok(Vec::new()));
        let mut concerts = MockConcerts::new();
        let concert = Concert {
            id: CONCERT,
            title: ConcertTitle::try_from(title).unwrap(),
            seats_total: 0,
            seats_left: 0,
            seats_sold: 0,
            next_performance_at: None,
            policy: policy(1),
        };
        concerts
            .expect_catalogue()
            .returning(move |_| Ok(vec![concert.clone()]));
        let warm = WarmRankings {
            browse: Arc::new(Browse::new(Arc::new(concerts), clock(now))),
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

    #[tokio::test]
    async fn a_concert_that_was_retitled_is_ranked_under_its_new_title() {
        assert_eq!(computed_with(Some(DAY), 2 * DAY - 1, "Renamed").await, 4);
    }
}
