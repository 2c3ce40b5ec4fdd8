//! The contracts of a ranking cache.
//!
//! The caller passes the current time to each call. The instants here lie far in the future, so
//! that a cache that also drops expired entries by its own clock keeps them.

use std::{sync::Arc, time::Duration};

use frontrow_domain::{
    model::{ConcertId, Period, RankedConcert, Ranking, Span},
    ports::RankingCache,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::Fixture;

/// A fixture of a ranking cache.
pub trait CacheFixture: Fixture<Ports = Arc<dyn RankingCache>> {}

impl<F: Fixture<Ports = Arc<dyn RankingCache>>> CacheFixture for F {}

/// Returns an instant `second` seconds and a few microseconds into the year 2100.
fn at(second: i64) -> Timestamp {
    Timestamp::from_microsecond((4_102_444_800 + second) * 1_000_000 + 123_456)
        .expect("an instant of the year 2100")
}

fn ranking(period: Period, concerts: u8, as_of: Timestamp) -> Ranking {
    let items = (0..concerts).map(|rank| RankedConcert {
        concert: ConcertId(Uuid::from_u128(0xaaaa_0000 + u128::from(rank))),
        title: format!("아이유 \"Love, poem\" №{rank} 🎤 \\ '\u{0}\n"),
        seats_sold: u64::MAX / 4 - u64::from(rank),
    });
    Ranking {
        period,
        span: Span {
            from: at(-3_600),
            to: at(0),
        },
        as_of,
        items: items.collect(),
    }
}

async fn cached(cache: &Arc<dyn RankingCache>, period: Period, now: Timestamp) -> Option<Ranking> {
    cache.get(period, now).await.expect("get")
}

async fn put(cache: &Arc<dyn RankingCache>, ranking: &Ranking, until: Timestamp) {
    cache.put(ranking, until).await.expect("put");
}

/// An empty cache has no ranking of any period.
pub async fn an_empty_cache_has_no_ranking<F: CacheFixture>(fixture: F) {
    for period in Period::ALL {
        assert_eq!(cached(&fixture.ports(), period, at(0)).await, None);
    }
}

/// A ranking that was put is returned unchanged, to the microsecond and to the last character.
pub async fn a_cached_ranking_is_returned_unchanged<F: CacheFixture>(fixture: F) {
    let cache = fixture.ports();
    for period in Period::ALL {
        let put_in = ranking(period, Ranking::MAX_ITEMS, at(7));
        put(&cache, &put_in, at(600)).await;
        assert_eq!(cached(&cache, period, at(8)).await, Some(put_in));
    }
}

/// A ranking without any concert is cached too.
pub async fn an_empty_ranking_is_cached_too<F: CacheFixture>(fixture: F) {
    let cache = fixture.ports();
    let nothing = ranking(Period::Daily, 0, at(0));
    put(&cache, &nothing, at(600)).await;
    assert_eq!(cached(&cache, Period::Daily, at(1)).await, Some(nothing));
}

/// Each period has its own ranking.
pub async fn each_period_has_its_own_ranking<F: CacheFixture>(fixture: F) {
    let cache = fixture.ports();
    let daily = ranking(Period::Daily, 2, at(0));
    put(&cache, &daily, at(600)).await;
    for period in [Period::Realtime, Period::Weekly, Period::Monthly] {
        assert_eq!(cached(&cache, period, at(1)).await, None);
    }
    assert_eq!(cached(&cache, Period::Daily, at(1)).await, Some(daily));
}

/// A newer ranking replaces the cached one, and its end replaces the earlier end.
pub async fn a_put_replaces_the_ranking_and_its_end<F: CacheFixture>(fixture: F) {
    let cache = fixture.ports();
    put(&cache, &ranking(Period::Weekly, 5, at(0)), at(600)).await;
    let newer = ranking(Period::Weekly, 1, at(10));
    put(&cache, &newer, at(300)).await;
    let found = cached(&cache, Period::Weekly, at(299)).await;
    assert_eq!(found.as_ref(), Some(&newer));
    assert_eq!(cached(&cache, Period::Weekly, at(301)).await, None);
    put(&cache, &newer, at(900)).await;
    assert_eq!(cached(&cache, Period::Weekly, at(899)).await, Some(newer));
}

/// A ranking is returned until its end, and is gone at it.
pub async fn a_ranking_is_gone_at_its_end<F: CacheFixture>(fixture: F) {
    let cache = fixture.ports();
    let monthly = ranking(Period::Monthly, 3, at(0));
    put(&cache, &monthly, at(600)).await;
    let last = Timestamp::from_microsecond(at(600).as_microsecond() - 1).expect("an instant");
    assert_eq!(cached(&cache, Period::Monthly, last).await, Some(monthly));
    assert_eq!(cached(&cache, Period::Monthly, at(600)).await, None);
    assert_eq!(cached(&cache, Period::Monthly, at(601)).await, None);
}

/// A cache that lost its data is empty, and can be filled again.
pub async fn a_lost_cache_is_empty<F: CacheFixture>(mut fixture: F) {
    let daily = ranking(Period::Daily, 3, at(0));
    put(&fixture.ports(), &daily, at(600)).await;
    fixture.lose_data().await;
    let cache = fixture.ports();
    assert_eq!(cached(&cache, Period::Daily, at(1)).await, None);
    put(&cache, &daily, at(600)).await;
    assert_eq!(cached(&cache, Period::Daily, at(1)).await, Some(daily));
}

/// A cache that was closed and opened has all its rankings or none, never a part of one.
pub async fn a_reopened_cache_has_all_or_nothing<F: CacheFixture>(mut fixture: F) {
    let daily = ranking(Period::Daily, 9, at(0));
    put(&fixture.ports(), &daily, at(600)).await;
    fixture.reopen().await;
    let found = cached(&fixture.ports(), Period::Daily, at(1)).await;
    assert!(found.is_none_or(|found| found == daily));
}

/// A reader gets one of the rankings that are being put, and gets it whole.
pub async fn a_reader_gets_a_whole_ranking_during_concurrent_puts<F: CacheFixture>(fixture: F) {
    let few = ranking(Period::Realtime, 1, at(0));
    let many = ranking(Period::Realtime, Ranking::MAX_ITEMS, at(1));
    put(&fixture.ports(), &few, at(600)).await;
    let writer = {
        let (cache, few, many) = (fixture.ports(), few.clone(), many.clone());
        tokio::spawn(async move {
            for _ in 0..50 {
                put(&cache, &many, at(600)).await;
                put(&cache, &few, at(600)).await;
            }
        })
    };
    let cache = fixture.ports();
    for _ in 0..50 {
        let found = cached(&cache, Period::Realtime, at(2)).await;
        let found = found.expect("one was there all the time");
        assert!(found == few || found == many, "{found:?}");
        tokio::task::yield_now().await;
    }
    writer.await.expect("the writer");
}

async fn claim(
    cache: &Arc<dyn RankingCache>,
    period: Period,
    after: Option<Timestamp>,
    (now, until): (i64, i64),
) -> bool {
    let granted = cache.claim(period, after, at(now), at(until)).await;
    granted.expect("claim")
}

/// If many callers claim the same lease, one gets it. The next ranking, and another period, have
/// their own leases.
pub async fn a_lease_is_granted_once<F: CacheFixture>(fixture: F) {
    for after in [None, Some(at(-7)), Some(at(-6))] {
        for period in Period::ALL {
            let claims = (0..8).map(|_| {
                let cache = fixture.ports();
                tokio::spawn(async move { claim(&cache, period, after, (0, 600)).await })
            });
            let claims: Vec<_> = claims.collect();
            let mut granted = 0;
            for claim in claims {
                granted += usize::from(claim.await.expect("a claim"));
            }
            assert_eq!(granted, 1, "{period:?} after {after:?}");
        }
    }
}

/// A caller that takes a lease and computes no ranking blocks others only until the end of the
/// lease.
pub async fn a_lease_ends<F: CacheFixture>(fixture: F) {
    let cache = fixture.ports();
    // A cache may use its own clock, so the span is short, and passes on both clocks.
    assert!(claim(&cache, Period::Daily, None, (0, 1)).await);
    let mut looks = 0;
    while !claim(&cache, Period::Daily, None, (1, 600)).await {
        looks += 1;
        assert!(looks < 1_000, "it does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!claim(&cache, Period::Daily, None, (2, 600)).await);
}

/// A caller that releases its lease blocks no other caller, and releases no lease of another.
pub async fn a_released_lease_is_granted_again<F: CacheFixture>(fixture: F) {
    let cache = fixture.ports();
    let works = [
        (Period::Daily, None),
        (Period::Daily, Some(at(1))),
        (Period::Weekly, None),
    ];
    for (period, after) in works {
        assert!(claim(&cache, period, after, (0, 600)).await);
    }
    cache.release(Period::Daily, None).await.expect("release");
    for (period, after) in works {
        let granted = claim(&cache, period, after, (1, 600)).await;
        assert_eq!(granted, (period, after) == (Period::Daily, None));
    }
}

/// A lease is no ranking, and a ranking ends no lease.
pub async fn leases_and_rankings_are_separate<F: CacheFixture>(fixture: F) {
    let cache = fixture.ports();
    assert!(claim(&cache, Period::Daily, None, (0, 600)).await);
    assert_eq!(cached(&cache, Period::Daily, at(1)).await, None);
    put(&cache, &ranking(Period::Daily, 1, at(1)), at(600)).await;
    assert!(!claim(&cache, Period::Daily, None, (2, 600)).await);
    assert!(claim(&cache, Period::Daily, Some(at(1)), (2, 600)).await);
}
