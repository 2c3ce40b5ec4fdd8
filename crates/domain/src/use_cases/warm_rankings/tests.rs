mod turns;

use std::sync::atomic::Ordering;

use futures_util::{future::join_all, poll};
use jiff::SignedDuration;

use super::*;
use crate::{
    model::{ConcertTitle, Span},
    ports::MockConcerts,
    use_cases::{
        ranking_rig::{Mood, Rig},
        testing::*,
    },
};

fn job(rig: &Arc<Rig>, zone: &str) -> WarmRankings {
    job_with(rig, zone, "A concert")
}

/// The job of an instance whose catalogue calls the concert `title`.
fn job_with(rig: &Arc<Rig>, zone: &str, title: &str) -> WarmRankings {
    let concert = Concert {
        id: CONCERT,
        title: ConcertTitle::try_from(title).unwrap(),
        seats_total: 0,
        seats_left: 0,
        seats_sold: 0,
        next_performance_at: None,
        is_planned: false,
        policy: policy(1),
    };
    let mut concerts = MockConcerts::new();
    concerts
        .expect_catalogue()
        .returning(move |_| Ok(catalogue([concert.clone()])));
    WarmRankings {
        browse: Arc::new(Browse::new(Arc::new(concerts), clock(0))),
        top: rig.instance(zone),
    }
}

fn span(from: &str, to: &str) -> Span {
    Span {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
    }
}

/// What is queried but the last hour, which is queried at every run of these tests.
fn finished(rig: &Rig) -> Vec<Span> {
    let mut spans = rig.queries();
    spans.retain(|span| span.to.duration_since(span.from) > SignedDuration::from_hours(1));
    spans
}

#[tokio::test]
async fn an_empty_cache_is_filled() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    assert_eq!(job(&rig, "UTC").run(&Period::ALL).await, Ok(4));
    for period in Period::ALL {
        assert!(rig.cached(period).is_some(), "{period:?}");
    }
}

#[tokio::test]
async fn within_a_day_only_realtime_is_new() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    let job = job(&rig, "UTC");
    job.run(&Period::ALL).await.unwrap();
    rig.set("2026-11-22T12:00:03.9Z");
    assert_eq!(job.run(&Period::ALL).await, Ok(0));
    rig.set("2026-11-22T12:00:04Z");
    assert_eq!(job.run(&Period::ALL).await, Ok(1));
    rig.set("2026-11-22T23:59:59Z");
    assert_eq!(job.run(&Period::ALL).await, Ok(1));
}

#[tokio::test]
async fn of_instances_that_share_a_cache_one_computes() {
    let rig = Rig::new("2026-11-21T23:00:00Z");
    let jobs: Vec<_> = (0..5).map(|_| job(&rig, "UTC")).collect();
    for seconds in 0..7_200 {
        rig.pass(std::time::Duration::from_secs(1));
        // Each has its own moment.
        let due = jobs.get(seconds % 5).unwrap();
        due.run(&Period::ALL).await.unwrap();
    }
    let spans = rig.queries();
    let days = spans
        .iter()
        .filter(|span| span.to.duration_since(span.from) == SignedDuration::from_hours(24));
    assert_eq!(days.count(), 4, "at the start, at the turn, and twice more");
    let hours = spans
        .iter()
        .filter(|span| span.to.duration_since(span.from) == SignedDuration::from_hours(1));
    let hours = hours.count();
    assert!((1_700..=1_801).contains(&hours), "{hours} in 7,200 s");
}

#[tokio::test]
async fn of_instances_that_look_at_once_one_computes() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    let jobs: Vec<_> = (0..5).map(|_| job(&rig, "UTC")).collect();
    let all = || join_all(jobs.iter().map(|job| job.run(&Period::FINISHED)));
    all().await;
    assert_eq!(rig.queries().len(), 3);
    rig.set("2026-11-23T00:00:00Z");
    let go = rig.hold_up_a_query();
    let mut turn = Box::pin(all());
    assert!(poll!(&mut turn).is_pending());
    go.send(()).unwrap();
    turn.await;
    assert_eq!(rig.queries().len(), 2, "it was a Sunday: a day and a week");
}

#[tokio::test]
async fn what_an_instance_did_not_live_to_compute_is_computed_by_another() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    let (one, other) = (job(&rig, "UTC"), job(&rig, "UTC"));
    let _never = rig.hold_up_a_query();
    let mut dies = Box::pin(one.run(&[Period::Daily]));
    assert!(poll!(&mut dies).is_pending());
    drop(dies);
    drop(one);
    assert_eq!(other.run(&[Period::Daily]).await, Ok(0));
    rig.pass(TopConcerts::CLAIM);
    assert_eq!(other.run(&[Period::Daily]).await, Ok(1));
}

#[tokio::test]
async fn without_a_cache_the_job_computes_no_more_than_with_it() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    rig.cache_is(Mood::Failing);
    let job = job(&rig, "UTC");
    for _ in 0..100 {
        job.run(&Period::ALL).await.unwrap();
        rig.pass(std::time::Duration::from_secs(5));
    }
    assert_eq!(finished(&rig).len(), 3);
}

#[tokio::test]
async fn what_fails_keeps_nothing_else_from_being_computed() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    let job = job(&rig, "UTC");
    rig.source_is(Mood::Failing);
    assert!(job.run(&Period::ALL).await.is_err());
    assert_eq!(rig.queries().len(), 4);
    rig.source_is(Mood::Well);
    assert!(job.run(&Period::ALL).await.is_err());
    assert_eq!(rig.queries(), [], "it is left alone for a moment");
    rig.pass(std::time::Duration::from_secs(1));
    assert_eq!(job.run(&Period::ALL).await, Ok(4));
}

#[tokio::test]
async fn what_one_instance_fails_to_compute_another_may_try() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    let (one, other) = (job(&rig, "UTC"), job(&rig, "UTC"));
    rig.source_is(Mood::Failing);
    assert!(one.run(&[Period::Daily]).await.is_err());
    rig.source_is(Mood::Well);
    assert_eq!(other.run(&[Period::Daily]).await, Ok(1));
}

#[tokio::test]
async fn the_last_hour_waits_for_no_finished_period() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    let job = job(&rig, "UTC");
    let _takes_long = rig.hold_up_a_query();
    let mut finished = Box::pin(job.run(&Period::FINISHED));
    assert!(poll!(&mut finished).is_pending());
    assert_eq!(job.run(&[Period::Realtime]).await, Ok(1));
}

/// A reader who could be shown something else has left a query to whoever comes next.
#[tokio::test]
async fn a_query_that_nobody_waits_for_is_brought_to_its_end() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    let job = job(&rig, "UTC");
    job.run(&Period::ALL).await.unwrap();
    rig.queries();
    rig.cache_is(Mood::Failing);
    rig.pass(std::time::Duration::from_secs(11));
    let go = rig.hold_up_a_query();
    assert!(job.top.top(Period::Weekly).await.unwrap().stale);
    go.send(()).unwrap();
    job.run(&Period::ALL).await.unwrap();
    assert_eq!(finished(&rig).len(), 1);
    assert!(!job.top.top(Period::Weekly).await.unwrap().stale);
}

/// Not even where another instance is about to make it anew.
#[tokio::test]
async fn no_claim_keeps_a_query_that_nobody_waits_for_from_its_end() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    let (one, other) = (job(&rig, "UTC"), job(&rig, "UTC"));
    one.run(&[Period::Realtime]).await.unwrap();
    rig.pass(TopConcerts::CLAIM);
    let go = rig.hold_up_a_query();
    assert!(one.top.top(Period::Realtime).await.unwrap().stale);
    let _never = rig.hold_up_a_query();
    let mut makes_it_anew = Box::pin(other.run(&[Period::Realtime]));
    assert!(poll!(&mut makes_it_anew).is_pending());
    go.send(()).unwrap();
    assert_eq!(one.run(&[Period::Realtime]).await, Ok(1));
}

#[tokio::test]
async fn what_the_cache_missed_it_is_told_again() {
    let rig = Rig::new("2026-11-22T00:00:05Z");
    let job = job(&rig, "UTC");
    job.run(&[Period::Daily]).await.unwrap();
    let (early, _) = rig.cached(Period::Daily).unwrap();
    rig.set("2026-11-22T00:02:00Z");
    rig.cache_is(Mood::Failing);
    job.run(&[Period::Daily]).await.unwrap();
    rig.cache_is(Mood::Well);
    rig.pass(std::time::Duration::from_secs(4));
    assert_eq!(job.run(&[Period::Daily]).await, Ok(0));
    let (settled, _) = rig.cached(Period::Daily).unwrap();
    assert!(early.as_of < settled.as_of);
}

/// A failure is of an instance, and what another one has found out since says that it is over.
#[tokio::test]
async fn what_failed_here_and_not_elsewhere_is_not_stale_at_the_next_turn() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    let (one, other) = (job(&rig, "UTC"), job(&rig, "UTC"));
    rig.source_is(Mood::Failing);
    one.run(&[Period::Daily]).await.unwrap_err();
    rig.source_is(Mood::Well);
    rig.pass(std::time::Duration::from_secs(4));
    other.run(&[Period::Daily]).await.unwrap();
    one.run(&[Period::Daily]).await.unwrap();
    rig.set("2026-11-23T00:00:01Z");
    assert!(!one.top.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn without_the_catalogue_rankings_are_computed_all_the_same() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    let mut concerts = MockConcerts::new();
    concerts.expect_catalogue().returning(|_| Err(down()));
    let job = WarmRankings {
        browse: Arc::new(Browse::new(Arc::new(concerts), clock(0))),
        top: rig.instance("UTC"),
    };
    assert_eq!(job.run(&Period::ALL).await, Err(down()));
    assert_eq!(rig.queries().len(), 4);
    assert_eq!(job.run(&Period::ALL).await, Err(down()));
    assert_eq!(rig.queries(), [], "they are as new as can be");
}

#[tokio::test]
async fn a_concert_that_was_retitled_is_ranked_under_its_new_title() {
    let rig = Rig::new("2026-11-22T12:00:00Z");
    job(&rig, "UTC").run(&Period::ALL).await.unwrap();
    assert_eq!(job(&rig, "UTC").run(&Period::ALL).await, Ok(0));
    assert_eq!(
        job_with(&rig, "UTC", "Renamed").run(&Period::ALL).await,
        Ok(4)
    );
}
