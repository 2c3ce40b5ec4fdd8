//! Rankings while stores fail or hang.

use super::*;

#[tokio::test]
async fn a_failing_cache_is_skipped() {
    for behaviour in [Behaviour::Failing, Behaviour::Hanging] {
        let fixture = RankingFixture::new(NOON);
        fixture.cache_is(behaviour);
        let top = fixture.instance("UTC");
        let began = fixture.now();
        for period in Period::ALL {
            assert!(!top.top(period).await.unwrap().stale);
        }
        let waited = fixture.now().duration_since(began).unsigned_abs();
        assert!(
            waited <= GuardedCache::PATIENCE,
            "{behaviour:?} cost {waited:?}"
        );
        assert_eq!(
            fixture.cache_calls.load(Ordering::SeqCst),
            1,
            "{behaviour:?}"
        );
        assert_eq!(fixture.queries().len(), 4);
    }
}

#[tokio::test]
async fn without_a_cache_the_database_is_queried_every_ten_seconds() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    fixture.queries();
    fixture.cache_is(Behaviour::Failing);
    for _ in 0..60 {
        fixture.advance(SECOND);
        assert!(!top.top(Period::Daily).await.unwrap().stale);
    }
    let queries = fixture.queries().len();
    assert!((4..=6).contains(&queries), "{queries} in a minute");
}

#[tokio::test]
async fn a_cache_that_comes_back_is_used_again() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    fixture.cache_is(Behaviour::Failing);
    top.top(Period::Daily).await.unwrap();
    fixture.cache_is(Behaviour::Well);
    assert_eq!(fixture.cached(Period::Daily), None);
    fixture.advance(3 * SECOND);
    top.top(Period::Daily).await.unwrap();
    assert!(fixture.cached(Period::Daily).is_some());
    assert_eq!(fixture.queries().len(), 1, "the known ranking is cached");
}

#[tokio::test]
async fn a_cache_that_lost_its_data_gets_the_known_ranking() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    top.top(Period::Weekly).await.unwrap();
    fixture.clear_cache();
    fixture.advance(2 * SECOND);
    top.top(Period::Weekly).await.unwrap();
    assert!(fixture.cached(Period::Weekly).is_some());
    assert_eq!(fixture.queries().len(), 1);
}

#[tokio::test]
async fn when_both_stores_fail_the_last_ranking_is_shown_for_a_day() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    for period in Period::ALL {
        top.top(period).await.unwrap();
    }
    fixture.cache_is(Behaviour::Failing);
    fixture.source_is(Behaviour::Failing);
    fixture.advance(11 * SECOND);
    for period in Period::ALL {
        let answer = top.top(period).await.unwrap();
        assert_eq!((sold(&answer), answer.stale), (Some(3), true), "{period:?}");
    }
    fixture.advance(Duration::from_hours(23));
    assert!(top.top(Period::Daily).await.unwrap().stale);
    fixture.advance(Duration::from_hours(1));
    assert!(
        top.top(Period::Daily).await.is_err(),
        "the answer is too old"
    );
    fixture.source_is(Behaviour::Well);
    fixture.advance(SECOND);
    assert!(!top.top(Period::Daily).await.unwrap().stale);
}

/// The longest wait of a reader while neither store answers.
const LONGEST_WAIT: Duration = GuardedCache::PATIENCE.saturating_add(TopConcerts::PATIENCE);

#[tokio::test]
async fn a_hanging_database_delays_no_reader_who_can_get_an_old_ranking() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    fixture.queries();
    fixture.cache_is(Behaviour::Hanging);
    fixture.source_is(Behaviour::Hanging);
    fixture.advance(11 * SECOND);
    for _ in 0..100 {
        let began = fixture.now();
        let answer = top.top(Period::Daily).await.unwrap();
        assert_eq!((sold(&answer), answer.stale), (Some(3), true));
        let waited = fixture.now().duration_since(began).unsigned_abs();
        assert!(waited <= LONGEST_WAIT, "{waited:?}");
        fixture.advance(SECOND);
    }
    assert_eq!(
        fixture.queries().len(),
        1,
        "all readers join the same query"
    );
}

#[tokio::test]
async fn a_slow_answer_is_shown_to_the_next_reader() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    top.top(Period::Realtime).await.unwrap();
    fixture.advance(11 * SECOND);
    let unblock = fixture.block_next_query();
    assert!(top.top(Period::Realtime).await.unwrap().stale);
    fixture.seats_sold.store(4, Ordering::SeqCst);
    unblock.send(()).unwrap();
    fixture.advance(SECOND);
    let answer = top.top(Period::Realtime).await.unwrap();
    assert_eq!((sold(&answer), answer.stale), (Some(4), false));
    assert_eq!(fixture.queries().len(), 2);
}

/// This instance has never queried the database.
#[tokio::test]
async fn a_ranking_that_was_read_from_the_cache_is_shown_when_both_stores_fail() {
    let fixture = RankingFixture::new(NOON);
    fixture.instance("UTC").top(Period::Daily).await.unwrap();
    let other = fixture.instance("UTC");
    other.top(Period::Daily).await.unwrap();
    fixture.cache_is(Behaviour::Hanging);
    fixture.source_is(Behaviour::Failing);
    fixture.advance(11 * SECOND);
    assert!(other.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn a_ranking_computed_too_early_is_stale_once_its_replacement_fails() {
    let fixture = RankingFixture::new("2026-11-22T00:00:05Z");
    let top = fixture.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    fixture.set_time("2026-11-22T00:02:00Z");
    let settled = top.top(Period::Daily).await.unwrap();
    assert!(
        !settled.stale && top.is_due(&settled),
        "no instance has tried"
    );
    fixture.source_is(Behaviour::Failing);
    assert!(top.compute_ahead(Period::Daily, None).await.is_err());
    fixture.advance(SECOND);
    for _ in 0..10 {
        let early = top.top(Period::Daily).await.unwrap();
        assert_eq!((sold(&early), early.stale), (Some(3), true));
        fixture.advance(SECOND);
    }
    fixture.source_is(Behaviour::Well);
    assert_eq!(top.compute_ahead(Period::Daily, None).await, Ok(true));
    assert!(!top.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn a_settled_ranking_is_not_stale_although_the_database_fails() {
    let fixture = RankingFixture::new("2026-11-22T00:02:05Z");
    let top = fixture.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    fixture.source_is(Behaviour::Failing);
    fixture.set_time("2026-11-22T01:00:00Z");
    assert!(top.compute_ahead(Period::Daily, None).await.is_err());
    assert!(!top.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn reading_the_latest_ranking_does_not_make_a_stale_answer_fresh() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    fixture.cache_is(Behaviour::Failing);
    fixture.source_is(Behaviour::Failing);
    fixture.advance(11 * SECOND);
    assert!(top.top(Period::Daily).await.unwrap().stale);
    assert!(top.latest(Period::Daily).await.is_some());
    assert!(top.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn a_failed_query_is_not_repeated_for_a_second() {
    let fixture = RankingFixture::new(NOON);
    fixture.source_is(Behaviour::Failing);
    let top = fixture.instance("UTC");
    for _ in 0..100 {
        assert!(top.top(Period::Daily).await.is_err());
    }
    assert_eq!(fixture.queries().len(), 1);
    fixture.advance(SECOND);
    assert!(top.top(Period::Daily).await.is_err());
    assert_eq!(fixture.queries().len(), 1);
}
