//! Stores that fail or hang.

use super::*;

#[tokio::test]
async fn a_dead_cache_is_passed_by() {
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
async fn without_a_cache_the_database_is_asked_now_and_then() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    fixture.queries();
    fixture.cache_is(Behaviour::Failing);
    for _ in 0..60 {
        fixture.pass(SECOND);
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
    fixture.pass(3 * SECOND);
    top.top(Period::Daily).await.unwrap();
    assert!(fixture.cached(Period::Daily).is_some());
    assert_eq!(fixture.queries().len(), 1, "what is known is put there");
}

#[tokio::test]
async fn a_cache_that_lost_its_data_is_given_what_is_known() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    top.top(Period::Weekly).await.unwrap();
    fixture.forget_cached();
    fixture.pass(2 * SECOND);
    top.top(Period::Weekly).await.unwrap();
    assert!(fixture.cached(Period::Weekly).is_some());
    assert_eq!(fixture.queries().len(), 1);
}

#[tokio::test]
async fn when_all_fails_the_last_known_is_shown_for_a_while() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    for period in Period::ALL {
        top.top(period).await.unwrap();
    }
    fixture.cache_is(Behaviour::Failing);
    fixture.source_is(Behaviour::Failing);
    fixture.pass(11 * SECOND);
    for period in Period::ALL {
        let answer = top.top(period).await.unwrap();
        assert_eq!((sold(&answer), answer.stale), (Some(3), true), "{period:?}");
    }
    fixture.pass(Duration::from_hours(23));
    assert!(top.top(Period::Daily).await.unwrap().stale);
    fixture.pass(Duration::from_hours(1));
    assert!(top.top(Period::Daily).await.is_err(), "not for ever");
    fixture.source_is(Behaviour::Well);
    fixture.pass(SECOND);
    assert!(!top.top(Period::Daily).await.unwrap().stale);
}

/// The longest wait of a reader while neither store answers.
const LONGEST_WAIT: Duration = GuardedCache::PATIENCE.saturating_add(TopConcerts::PATIENCE);

#[tokio::test]
async fn a_hanging_database_keeps_nobody_waiting_who_can_be_shown_something() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    fixture.queries();
    fixture.cache_is(Behaviour::Hanging);
    fixture.source_is(Behaviour::Hanging);
    fixture.pass(11 * SECOND);
    for _ in 0..100 {
        let asked = fixture.now();
        let answer = top.top(Period::Daily).await.unwrap();
        assert_eq!((sold(&answer), answer.stale), (Some(3), true));
        let waited = fixture.now().duration_since(asked).unsigned_abs();
        assert!(waited <= LONGEST_WAIT, "{waited:?}");
        fixture.pass(SECOND);
    }
    assert_eq!(fixture.queries().len(), 1, "they ask the same query");
}

#[tokio::test]
async fn a_slow_answer_is_for_those_who_ask_next() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    top.top(Period::Realtime).await.unwrap();
    fixture.pass(11 * SECOND);
    let go = fixture.hold_up_a_query();
    assert!(top.top(Period::Realtime).await.unwrap().stale);
    fixture.seats_sold.store(4, Ordering::SeqCst);
    go.send(()).unwrap();
    fixture.pass(SECOND);
    let answer = top.top(Period::Realtime).await.unwrap();
    assert_eq!((sold(&answer), answer.stale), (Some(4), false));
    assert_eq!(fixture.queries().len(), 2);
}

/// A ranking from the cache is known as well as one that was computed here.
#[tokio::test]
async fn an_instance_that_never_asked_the_database_knows_something_too() {
    let fixture = RankingFixture::new(NOON);
    fixture.instance("UTC").top(Period::Daily).await.unwrap();
    let other = fixture.instance("UTC");
    other.top(Period::Daily).await.unwrap();
    fixture.cache_is(Behaviour::Hanging);
    fixture.source_is(Behaviour::Failing);
    fixture.pass(11 * SECOND);
    assert!(other.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn what_was_computed_too_early_is_stale_once_nothing_can_replace_it() {
    let fixture = RankingFixture::new("2026-11-22T00:00:05Z");
    let top = fixture.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    fixture.set("2026-11-22T00:02:00Z");
    let settled = top.top(Period::Daily).await.unwrap();
    assert!(
        !settled.stale && top.is_due(&settled),
        "no instance has tried"
    );
    fixture.source_is(Behaviour::Failing);
    assert!(top.compute_ahead(Period::Daily, None).await.is_err());
    fixture.pass(SECOND);
    for _ in 0..10 {
        let early = top.top(Period::Daily).await.unwrap();
        assert_eq!((sold(&early), early.stale), (Some(3), true));
        fixture.pass(SECOND);
    }
    fixture.source_is(Behaviour::Well);
    assert_eq!(top.compute_ahead(Period::Daily, None).await, Ok(true));
    assert!(!top.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn what_is_settled_is_not_stale_though_the_database_fails() {
    let fixture = RankingFixture::new("2026-11-22T00:02:05Z");
    let top = fixture.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    fixture.source_is(Behaviour::Failing);
    fixture.set("2026-11-22T01:00:00Z");
    assert!(top.compute_ahead(Period::Daily, None).await.is_err());
    assert!(!top.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn who_computes_ahead_does_not_make_fresh_what_is_stale() {
    let fixture = RankingFixture::new(NOON);
    let top = fixture.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    fixture.cache_is(Behaviour::Failing);
    fixture.source_is(Behaviour::Failing);
    fixture.pass(11 * SECOND);
    assert!(top.top(Period::Daily).await.unwrap().stale);
    assert!(top.latest(Period::Daily).await.is_some());
    assert!(top.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn a_failed_database_is_left_alone_for_a_moment() {
    let fixture = RankingFixture::new(NOON);
    fixture.source_is(Behaviour::Failing);
    let top = fixture.instance("UTC");
    for _ in 0..100 {
        assert!(top.top(Period::Daily).await.is_err());
    }
    assert_eq!(fixture.queries().len(), 1);
    fixture.pass(SECOND);
    assert!(top.top(Period::Daily).await.is_err());
    assert_eq!(fixture.queries().len(), 1);
}
