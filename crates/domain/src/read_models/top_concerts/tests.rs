mod failures;

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::{future::join_all, poll};

use super::*;
use crate::test_support::ranking_fixture::{Behaviour, RankingFixture};

const NOON: &str = "2026-11-22T12:00:00Z";
const SECOND: Duration = Duration::from_secs(1);

fn sold(answer: &RankingAnswer) -> Option<u64> {
    answer.ranking.items.first().map(|item| item.seats_sold)
}

#[tokio::test]
async fn a_miss_asks_the_database_once_and_fills_the_cache() {
    let fixture = RankingFixture::new(NOON);
    let answer = fixture.instance("UTC").top(Period::Daily).await.unwrap();
    assert_eq!((sold(&answer), answer.stale), (Some(3), false));
    let (cached, until) = fixture.cached(Period::Daily).unwrap();
    assert_eq!(cached, answer.ranking);
    assert_eq!(until, "2026-11-23T00:05:00Z".parse().unwrap());
    assert_eq!(fixture.queries(), [answer.ranking.span]);
}

#[tokio::test]
async fn a_hit_does_not_query_the_database() {
    let fixture = RankingFixture::new(NOON);
    fixture.instance("UTC").top(Period::Daily).await.unwrap();
    fixture.queries();
    let other = fixture.instance("UTC").top(Period::Daily).await.unwrap();
    assert_eq!(sold(&other), Some(3));
    assert_eq!(fixture.queries(), []);
}

#[tokio::test]
async fn an_empty_result_is_cached_too() {
    let fixture = RankingFixture::new(NOON);
    fixture.seats_sold.store(0, Ordering::SeqCst);
    for _ in 0..3 {
        let answer = fixture.instance("UTC").top(Period::Daily).await.unwrap();
        assert_eq!(sold(&answer), None);
    }
    assert_eq!(fixture.queries().len(), 1);
}

#[tokio::test]
async fn an_answer_is_shown_for_a_second_without_asking_a_store() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    let first = top.top(Period::Daily).await.unwrap();
    let calls = fixture.cache_calls.load(Ordering::SeqCst);
    fixture.advance(Duration::from_micros(999_999));
    top.top(Period::Daily).await.unwrap();
    assert_eq!(fixture.cache_calls.load(Ordering::SeqCst), calls);
    fixture.advance(Duration::from_micros(1));
    let later = top.top(Period::Daily).await.unwrap();
    assert_eq!(fixture.cache_calls.load(Ordering::SeqCst), calls + 1);
    assert!(
        Arc::ptr_eq(&first, &later),
        "an equal answer is the same allocation"
    );
}

#[tokio::test]
async fn an_answer_is_not_shown_past_a_turn_without_asking_a_store() {
    let fixture = RankingFixture::new("2026-11-22T23:59:59.9Z");
    let top = fixture.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    let calls = fixture.cache_calls.load(Ordering::SeqCst);
    fixture.set_time("2026-11-23T00:00:00Z");
    top.top(Period::Daily).await.unwrap();
    assert_eq!(fixture.cache_calls.load(Ordering::SeqCst), calls + 1);
}

#[tokio::test]
async fn concurrent_misses_make_one_query() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    let unblock = fixture.block_next_query();
    let mut requests = Box::pin(join_all((0..1_000).map(|_| top.top(Period::Daily))));
    assert!(poll!(&mut requests).is_pending());
    unblock.send(()).unwrap();
    assert!(requests.await.iter().all(Result::is_ok));
    assert_eq!(fixture.queries().len(), 1);
}

#[tokio::test]
async fn a_dropped_request_leaves_its_query_to_the_next_one() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    let unblock = fixture.block_next_query();
    for _ in 0..10 {
        let mut request = Box::pin(top.top(Period::Monthly));
        assert!(poll!(&mut request).is_pending());
        drop(request);
        fixture.advance(3 * SECOND);
    }
    unblock.send(()).unwrap();
    assert_eq!(sold(&top.top(Period::Monthly).await.unwrap()), Some(3));
    assert_eq!(fixture.queries().len(), 1);
}

#[tokio::test]
async fn the_answer_to_an_abandoned_query_is_not_shown_as_new() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    let unblock = fixture.block_next_query();
    let mut request = Box::pin(top.top(Period::Realtime));
    assert!(poll!(&mut request).is_pending());
    drop(request);
    unblock.send(()).unwrap();
    fixture.advance(Duration::from_hours(1));
    let answer = top.top(Period::Realtime).await.unwrap();
    assert_eq!(answer.ranking.as_of, fixture.now());
}

/// If two instances have different zones by mistake, readers still get correct rankings.
#[tokio::test]
async fn a_cached_ranking_of_another_zone_is_none() {
    let fixture = RankingFixture::new(NOON);
    let (utc, seoul) = (fixture.instance("UTC"), fixture.instance("Asia/Seoul"));
    for _ in 0..3 {
        for (top, to) in [
            (&utc, "2026-11-22T00:00:00Z"),
            (&seoul, "2026-11-21T15:00:00Z"),
        ] {
            let answer = top.top(Period::Daily).await.unwrap();
            assert_eq!(answer.ranking.span.to, to.parse().unwrap());
        }
        fixture.advance(SECOND);
    }
    assert_eq!(fixture.queries().len(), 2);
}

#[tokio::test]
async fn an_answer_has_the_instant_at_which_the_next_one_is_due() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("Asia/Seoul");
    let due = async |period| {
        let answer = top.top(period).await.unwrap();
        answer.replaced_at.to_string()
    };
    assert_eq!(due(Period::Realtime).await, "2026-11-22T12:00:04Z");
    assert_eq!(due(Period::Daily).await, "2026-11-22T15:00:00Z");
    assert_eq!(due(Period::Weekly).await, "2026-11-22T15:00:00Z");
    assert_eq!(due(Period::Monthly).await, "2026-11-30T15:00:00Z");
}
