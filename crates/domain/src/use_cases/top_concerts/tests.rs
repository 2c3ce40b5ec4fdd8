use std::{sync::atomic::Ordering, time::Duration};

use futures_util::{future::join_all, poll};

use super::*;
use crate::use_cases::ranking_rig::{Mood, Rig};

const NOON: &str = "2026-11-22T12:00:00Z";
const SECOND: Duration = Duration::from_secs(1);

fn sold(answer: &RankingAnswer) -> Option<u64> {
    answer.ranking.items.first().map(|item| item.seats_sold)
}

#[tokio::test]
async fn a_miss_asks_the_database_once_and_fills_the_cache() {
    let rig = Rig::new(NOON);
    let answer = rig.instance("UTC").top(Period::Daily).await.unwrap();
    assert_eq!((sold(&answer), answer.stale), (Some(3), false));
    let (cached, until) = rig.cached(Period::Daily).unwrap();
    assert_eq!(cached, answer.ranking);
    assert_eq!(until, "2026-11-23T00:05:00Z".parse().unwrap());
    assert_eq!(rig.queries(), [answer.ranking.span]);
}

#[tokio::test]
async fn a_hit_asks_nobody_else() {
    let rig = Rig::new(NOON);
    rig.instance("UTC").top(Period::Daily).await.unwrap();
    rig.queries();
    let other = rig.instance("UTC").top(Period::Daily).await.unwrap();
    assert_eq!(sold(&other), Some(3));
    assert_eq!(rig.queries(), []);
}

#[tokio::test]
async fn an_empty_result_is_cached_too() {
    let rig = Rig::new(NOON);
    rig.seats_sold.store(0, Ordering::SeqCst);
    for _ in 0..3 {
        let answer = rig.instance("UTC").top(Period::Daily).await.unwrap();
        assert_eq!(sold(&answer), None);
    }
    assert_eq!(rig.queries().len(), 1);
}

#[tokio::test]
async fn an_answer_is_shown_for_a_second_without_asking() {
    let rig = Rig::new(NOON);
    let top = rig.instance("UTC");
    let first = top.top(Period::Daily).await.unwrap();
    let asked = rig.cache_calls.load(Ordering::SeqCst);
    rig.pass(Duration::from_micros(999_999));
    top.top(Period::Daily).await.unwrap();
    assert_eq!(rig.cache_calls.load(Ordering::SeqCst), asked);
    rig.pass(Duration::from_micros(1));
    let later = top.top(Period::Daily).await.unwrap();
    assert_eq!(rig.cache_calls.load(Ordering::SeqCst), asked + 1);
    assert!(Arc::ptr_eq(&first, &later), "the same is not made anew");
}

#[tokio::test]
async fn an_answer_is_not_shown_unasked_past_a_turn() {
    let rig = Rig::new("2026-11-22T23:59:59.9Z");
    let top = rig.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    let asked = rig.cache_calls.load(Ordering::SeqCst);
    rig.set("2026-11-23T00:00:00Z");
    top.top(Period::Daily).await.unwrap();
    assert_eq!(rig.cache_calls.load(Ordering::SeqCst), asked + 1);
}

#[tokio::test]
async fn a_crowd_that_misses_makes_one_query() {
    let rig = Rig::new(NOON);
    let top = rig.instance("UTC");
    let go = rig.hold_up_a_query();
    let mut crowd = Box::pin(join_all((0..1_000).map(|_| top.top(Period::Daily))));
    assert!(poll!(&mut crowd).is_pending());
    go.send(()).unwrap();
    assert!(crowd.await.iter().all(Result::is_ok));
    assert_eq!(rig.queries().len(), 1);
}

#[tokio::test]
async fn who_hangs_up_leaves_the_query_to_the_next() {
    let rig = Rig::new(NOON);
    let top = rig.instance("UTC");
    let go = rig.hold_up_a_query();
    for _ in 0..10 {
        // Its client hangs up after a few seconds.
        let mut asking = Box::pin(top.top(Period::Monthly));
        assert!(poll!(&mut asking).is_pending());
        drop(asking);
        rig.pass(3 * SECOND);
    }
    go.send(()).unwrap();
    assert_eq!(sold(&top.top(Period::Monthly).await.unwrap()), Some(3));
    assert_eq!(rig.queries().len(), 1);
}

#[tokio::test]
async fn an_answer_to_a_query_that_was_left_alone_is_not_shown_for_new() {
    let rig = Rig::new(NOON);
    let top = rig.instance("UTC");
    let go = rig.hold_up_a_query();
    let mut asking = Box::pin(top.top(Period::Realtime));
    assert!(poll!(&mut asking).is_pending());
    drop(asking);
    go.send(()).unwrap();
    rig.pass(Duration::from_hours(1));
    let answer = top.top(Period::Realtime).await.unwrap();
    assert_eq!(answer.ranking.as_of, rig.now());
}

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
    assert!(top.refresh(Period::Daily).await.is_err());
    rig.pass(SECOND);
    for _ in 0..10 {
        let early = top.top(Period::Daily).await.unwrap();
        assert_eq!((sold(&early), early.stale), (Some(3), true));
        rig.pass(SECOND);
    }
    rig.source_is(Mood::Well);
    assert!(!top.refresh(Period::Daily).await.unwrap().stale);
    assert!(!top.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn what_is_settled_is_not_stale_though_the_database_fails() {
    let rig = Rig::new("2026-11-22T00:02:05Z");
    let top = rig.instance("UTC");
    top.top(Period::Daily).await.unwrap();
    rig.source_is(Mood::Failing);
    rig.set("2026-11-22T01:00:00Z");
    assert!(top.refresh(Period::Daily).await.is_err());
    assert!(!top.top(Period::Daily).await.unwrap().stale);
}

/// Two instances that were given different zones, which is a mistake, but not their readers'.
#[tokio::test]
async fn a_cached_ranking_of_another_zone_is_none() {
    let rig = Rig::new(NOON);
    let (here, there) = (rig.instance("UTC"), rig.instance("Asia/Seoul"));
    for _ in 0..3 {
        for (top, to) in [
            (&here, "2026-11-22T00:00:00Z"),
            (&there, "2026-11-21T15:00:00Z"),
        ] {
            let answer = top.top(Period::Daily).await.unwrap();
            assert_eq!(answer.ranking.span.to, to.parse().unwrap());
        }
        rig.pass(SECOND);
    }
    assert_eq!(rig.queries().len(), 2);
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

#[tokio::test]
async fn an_answer_says_when_the_next_one_is_due() {
    let rig = Rig::new(NOON);
    let top = rig.instance("Asia/Seoul");
    let due = async |period| {
        let answer = top.top(period).await.unwrap();
        answer.replaced_at.to_string()
    };
    assert_eq!(due(Period::Realtime).await, "2026-11-22T12:00:04Z");
    assert_eq!(due(Period::Daily).await, "2026-11-22T15:00:00Z");
    assert_eq!(due(Period::Weekly).await, "2026-11-22T15:00:00Z");
    assert_eq!(due(Period::Monthly).await, "2026-11-30T15:00:00Z");
}
