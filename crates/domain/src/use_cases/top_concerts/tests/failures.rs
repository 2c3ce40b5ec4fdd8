//! Stores that fail or hang.

use super::*;

#[tokio::test]
async fn a_dead_cache_is_passed_by() {
    for mood in [Mood::Failing, Mood::Hanging] {
        let rig = Rig::new(NOON);
        rig.cache_is(mood);
        let top = rig.instance("UTC");
        let began = rig.now();
        for period in Period::ALL {
            assert!(!top.top(period).await.unwrap().stale);
        }
        let waited = rig.now().duration_since(began).unsigned_abs();
        assert!(waited <= GuardedCache::PATIENCE, "{mood:?} cost {waited:?}");
        assert_eq!(rig.cache_calls.load(Ordering::SeqCst), 1, "{mood:?}");
        assert_eq!(rig.queries().len(), 4);
    }
}

#[tokio::test]
async fn without_a_cache_the_database_is_asked_now_and_then() {
    let rig = Rig::new(NOON);
    let top = rig.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    rig.queries();
    rig.cache_is(Mood::Failing);
    for _ in 0..60 {
        rig.pass(SECOND);
        assert!(!top.top(Period::Daily).await.unwrap().stale);
    }
    let queries = rig.queries().len();
    assert!((4..=6).contains(&queries), "{queries} in a minute");
}

#[tokio::test]
async fn a_cache_that_comes_back_is_used_again() {
    let rig = Rig::new(NOON);
    let top = rig.instance("UTC");
    rig.cache_is(Mood::Failing);
    top.top(Period::Daily).await.unwrap();
    rig.cache_is(Mood::Well);
    assert_eq!(rig.cached(Period::Daily), None);
    rig.pass(3 * SECOND);
    top.top(Period::Daily).await.unwrap();
    assert!(rig.cached(Period::Daily).is_some());
    assert_eq!(rig.queries().len(), 1, "what is known is put there");
}

#[tokio::test]
async fn a_cache_that_lost_its_data_is_given_what_is_known() {
    let rig = Rig::new(NOON);
    let top = rig.instance("UTC");
    top.top(Period::Weekly).await.unwrap();
    rig.forget_cached();
    rig.pass(2 * SECOND);
    top.top(Period::Weekly).await.unwrap();
    assert!(rig.cached(Period::Weekly).is_some());
    assert_eq!(rig.queries().len(), 1);
}

#[tokio::test]
async fn when_all_fails_the_last_known_is_shown_for_a_while() {
    let rig = Rig::new(NOON);
    let top = rig.instance("UTC");
    for period in Period::ALL {
        top.top(period).await.unwrap();
    }
    rig.cache_is(Mood::Failing);
    rig.source_is(Mood::Failing);
    rig.pass(11 * SECOND);
    for period in Period::ALL {
        let answer = top.top(period).await.unwrap();
        assert_eq!((sold(&answer), answer.stale), (Some(3), true), "{period:?}");
    }
    rig.pass(Duration::from_hours(23));
    assert!(top.top(Period::Daily).await.unwrap().stale);
    rig.pass(Duration::from_hours(1));
    assert!(top.top(Period::Daily).await.is_err(), "not for ever");
    rig.source_is(Mood::Well);
    rig.pass(SECOND);
    assert!(!top.top(Period::Daily).await.unwrap().stale);
}

/// What a reader waits at most while neither store answers.
const LONGEST_WAIT: Duration = GuardedCache::PATIENCE.saturating_add(TopConcerts::PATIENCE);

#[tokio::test]
async fn a_hanging_database_keeps_nobody_waiting_who_can_be_shown_something() {
    let rig = Rig::new(NOON);
    let top = rig.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    rig.queries();
    rig.cache_is(Mood::Hanging);
    rig.source_is(Mood::Hanging);
    rig.pass(11 * SECOND);
    for _ in 0..100 {
        let asked = rig.now();
        let answer = top.top(Period::Daily).await.unwrap();
        assert_eq!((sold(&answer), answer.stale), (Some(3), true));
        let waited = rig.now().duration_since(asked).unsigned_abs();
        assert!(waited <= LONGEST_WAIT, "{waited:?}");
        rig.pass(SECOND);
    }
    assert_eq!(rig.queries().len(), 1, "they ask the same query");
}

#[tokio::test]
async fn a_slow_answer_is_for_those_who_ask_next() {
    let rig = Rig::new(NOON);
    let top = rig.instance("UTC");
    top.top(Period::Realtime).await.unwrap();
    rig.pass(11 * SECOND);
    let go = rig.hold_up_a_query();
    assert!(top.top(Period::Realtime).await.unwrap().stale);
    rig.seats_sold.store(4, Ordering::SeqCst);
    go.send(()).unwrap();
    rig.pass(SECOND);
    let answer = top.top(Period::Realtime).await.unwrap();
    assert_eq!((sold(&answer), answer.stale), (Some(4), false));
    assert_eq!(rig.queries().len(), 2);
}

/// What came from the cache is known as well as what was computed here.
#[tokio::test]
async fn an_instance_that_never_asked_the_database_knows_something_too() {
    let rig = Rig::new(NOON);
    rig.instance("UTC").top(Period::Daily).await.unwrap();
    let other = rig.instance("UTC");
    other.top(Period::Daily).await.unwrap();
    rig.cache_is(Mood::Hanging);
    rig.source_is(Mood::Failing);
    rig.pass(11 * SECOND);
    assert!(other.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn what_was_computed_too_early_is_stale_once_nothing_can_replace_it() {
    let rig = Rig::new("2026-11-22T00:00:05Z");
    let top = rig.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    rig.set("2026-11-22T00:02:00Z");
    let settled = top.top(Period::Daily).await.unwrap();
    assert!(!settled.stale && top.is_due(&settled), "nobody has tried");
    rig.source_is(Mood::Failing);
    assert!(top.compute_ahead(Period::Daily, None).await.is_err());
    rig.pass(SECOND);
    for _ in 0..10 {
        let early = top.top(Period::Daily).await.unwrap();
        assert_eq!((sold(&early), early.stale), (Some(3), true));
        rig.pass(SECOND);
    }
    rig.source_is(Mood::Well);
    assert_eq!(top.compute_ahead(Period::Daily, None).await, Ok(true));
    assert!(!top.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn what_is_settled_is_not_stale_though_the_database_fails() {
    let rig = Rig::new("2026-11-22T00:02:05Z");
    let top = rig.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    rig.source_is(Mood::Failing);
    rig.set("2026-11-22T01:00:00Z");
    assert!(top.compute_ahead(Period::Daily, None).await.is_err());
    assert!(!top.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn who_computes_ahead_does_not_make_fresh_what_is_stale() {
    let rig = Rig::new(NOON);
    let top = rig.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    rig.cache_is(Mood::Failing);
    rig.source_is(Mood::Failing);
    rig.pass(11 * SECOND);
    assert!(top.top(Period::Daily).await.unwrap().stale);
    assert!(top.latest(Period::Daily).await.is_some());
    assert!(top.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn a_failed_database_is_left_alone_for_a_moment() {
    let rig = Rig::new(NOON);
    rig.source_is(Mood::Failing);
    let top = rig.instance("UTC");
    for _ in 0..100 {
        assert!(top.top(Period::Daily).await.is_err());
    }
    assert_eq!(rig.queries().len(), 1);
    rig.pass(SECOND);
    assert!(top.top(Period::Daily).await.is_err());
    assert_eq!(rig.queries().len(), 1);
}
