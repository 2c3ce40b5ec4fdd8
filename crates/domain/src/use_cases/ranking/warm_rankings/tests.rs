mod period_turns;

use std::sync::atomic::Ordering;

use futures_util::{future::join_all, poll};
use jiff::SignedDuration;

use super::*;
use crate::{
    model::{ConcertTitle, Span},
    ports::MockConcerts,
    test_support::{
        ranking_fixture::{Behaviour, RankingFixture},
        *,
    },
};

fn job(fixture: &Arc<RankingFixture>, zone: &str) -> WarmRankings {
    job_with(fixture, zone, "A concert")
}

/// Returns the job of an instance whose catalogue has the concert under `title`.
fn job_with(fixture: &Arc<RankingFixture>, zone: &str, title: &str) -> WarmRankings {
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
        top: fixture.instance(zone),
    }
}

fn span(from: &str, to: &str) -> Span {
    Span {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
    }
}

/// Returns all queried spans except the last hour, which is queried at every run of these tests.
fn finished(fixture: &RankingFixture) -> Vec<Span> {
    let mut spans = fixture.queries();
    spans.retain(|span| span.to.duration_since(span.from) > SignedDuration::from_hours(1));
    spans
}

#[tokio::test]
async fn an_empty_cache_is_filled() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    assert_eq!(job(&fixture, "UTC").run(&Period::ALL).await, Ok(4));
    for period in Period::ALL {
        assert!(fixture.cached(period).is_some(), "{period:?}");
    }
}

#[tokio::test]
async fn within_a_day_only_realtime_is_new() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    let job = job(&fixture, "UTC");
    job.run(&Period::ALL).await.unwrap();
    fixture.set_time("2026-11-22T12:00:03.9Z");
    assert_eq!(job.run(&Period::ALL).await, Ok(0));
    fixture.set_time("2026-11-22T12:00:04Z");
    assert_eq!(job.run(&Period::ALL).await, Ok(1));
    fixture.set_time("2026-11-22T23:59:59Z");
    assert_eq!(job.run(&Period::ALL).await, Ok(1));
}

#[tokio::test]
async fn of_instances_that_share_a_cache_one_computes() {
    let fixture = RankingFixture::new("2026-11-21T23:00:00Z");
    let jobs: Vec<_> = (0..5).map(|_| job(&fixture, "UTC")).collect();
    for seconds in 0..7_200 {
        fixture.advance(std::time::Duration::from_secs(1));
        // The instances run at different times.
        let due = jobs.get(seconds % 5).unwrap();
        due.run(&Period::ALL).await.unwrap();
    }
    let spans = fixture.queries();
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
async fn of_instances_that_run_at_the_same_time_one_computes() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    let jobs: Vec<_> = (0..5).map(|_| job(&fixture, "UTC")).collect();
    let all = || join_all(jobs.iter().map(|job| job.run(&Period::FINISHED)));
    all().await;
    assert_eq!(fixture.queries().len(), 3);
    fixture.set_time("2026-11-23T00:00:00Z");
    let unblock = fixture.block_next_query();
    let mut turn = Box::pin(all());
    assert!(poll!(&mut turn).is_pending());
    unblock.send(()).unwrap();
    turn.await;
    assert_eq!(
        fixture.queries().len(),
        2,
        "it was a Sunday: a day and a week"
    );
}

#[tokio::test]
async fn the_query_of_an_instance_that_died_is_repeated_by_another() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    let (one, other) = (job(&fixture, "UTC"), job(&fixture, "UTC"));
    let _never = fixture.block_next_query();
    let mut dying = Box::pin(one.run(&[Period::Daily]));
    assert!(poll!(&mut dying).is_pending());
    drop(dying);
    drop(one);
    assert_eq!(other.run(&[Period::Daily]).await, Ok(0));
    fixture.advance(TopConcerts::LEASE);
    assert_eq!(other.run(&[Period::Daily]).await, Ok(1));
}

#[tokio::test]
async fn without_a_cache_the_job_computes_no_more_than_with_it() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    fixture.cache_is(Behaviour::Failing);
    let job = job(&fixture, "UTC");
    for _ in 0..100 {
        job.run(&Period::ALL).await.unwrap();
        fixture.advance(std::time::Duration::from_secs(5));
    }
    assert_eq!(finished(&fixture).len(), 3);
}

#[tokio::test]
async fn a_ranking_that_fails_prevents_no_other_ranking() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    let job = job(&fixture, "UTC");
    fixture.source_is(Behaviour::Failing);
    assert!(job.run(&Period::ALL).await.is_err());
    assert_eq!(fixture.queries().len(), 4);
    fixture.source_is(Behaviour::Well);
    assert!(job.run(&Period::ALL).await.is_err());
    assert_eq!(fixture.queries(), [], "the back-off lasts");
    fixture.advance(std::time::Duration::from_secs(1));
    assert_eq!(job.run(&Period::ALL).await, Ok(4));
}

#[tokio::test]
async fn after_a_failure_of_one_instance_another_may_try() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    let (one, other) = (job(&fixture, "UTC"), job(&fixture, "UTC"));
    fixture.source_is(Behaviour::Failing);
    assert!(one.run(&[Period::Daily]).await.is_err());
    fixture.source_is(Behaviour::Well);
    assert_eq!(other.run(&[Period::Daily]).await, Ok(1));
}

#[tokio::test]
async fn the_realtime_ranking_waits_for_no_finished_period() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    let job = job(&fixture, "UTC");
    let _takes_long = fixture.block_next_query();
    let mut finished = Box::pin(job.run(&Period::FINISHED));
    assert!(poll!(&mut finished).is_pending());
    assert_eq!(job.run(&[Period::Realtime]).await, Ok(1));
}

/// A reader who got an older answer has abandoned the query.
#[tokio::test]
async fn the_job_completes_an_abandoned_query() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    let job = job(&fixture, "UTC");
    job.run(&Period::ALL).await.unwrap();
    fixture.queries();
    fixture.cache_is(Behaviour::Failing);
    fixture.advance(std::time::Duration::from_secs(11));
    let unblock = fixture.block_next_query();
    assert!(job.top.top(Period::Weekly).await.unwrap().stale);
    unblock.send(()).unwrap();
    job.run(&Period::ALL).await.unwrap();
    assert_eq!(finished(&fixture).len(), 1);
    assert!(!job.top.top(Period::Weekly).await.unwrap().stale);
}

/// Another instance has the lease, because it computes the same ranking.
#[tokio::test]
async fn the_job_completes_an_abandoned_query_despite_the_lease_of_another_instance() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    let (one, other) = (job(&fixture, "UTC"), job(&fixture, "UTC"));
    one.run(&[Period::Realtime]).await.unwrap();
    fixture.advance(TopConcerts::LEASE);
    let unblock = fixture.block_next_query();
    assert!(one.top.top(Period::Realtime).await.unwrap().stale);
    let _never = fixture.block_next_query();
    let mut recomputing = Box::pin(other.run(&[Period::Realtime]));
    assert!(poll!(&mut recomputing).is_pending());
    unblock.send(()).unwrap();
    assert_eq!(one.run(&[Period::Realtime]).await, Ok(1));
}

#[tokio::test]
async fn a_ranking_that_the_cache_missed_is_cached_at_the_next_run() {
    let fixture = RankingFixture::new("2026-11-22T00:00:05Z");
    let job = job(&fixture, "UTC");
    job.run(&[Period::Daily]).await.unwrap();
    let (early, _) = fixture.cached(Period::Daily).unwrap();
    fixture.set_time("2026-11-22T00:02:00Z");
    fixture.cache_is(Behaviour::Failing);
    job.run(&[Period::Daily]).await.unwrap();
    fixture.cache_is(Behaviour::Well);
    fixture.advance(std::time::Duration::from_secs(4));
    assert_eq!(job.run(&[Period::Daily]).await, Ok(0));
    let (settled, _) = fixture.cached(Period::Daily).unwrap();
    assert!(early.as_of < settled.as_of);
}

/// A failure concerns one instance, until another instance has a later answer.
#[tokio::test]
async fn after_a_success_elsewhere_a_failed_ranking_is_not_stale_at_the_next_turn() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    let (one, other) = (job(&fixture, "UTC"), job(&fixture, "UTC"));
    fixture.source_is(Behaviour::Failing);
    one.run(&[Period::Daily]).await.unwrap_err();
    fixture.source_is(Behaviour::Well);
    fixture.advance(std::time::Duration::from_secs(4));
    other.run(&[Period::Daily]).await.unwrap();
    one.run(&[Period::Daily]).await.unwrap();
    fixture.set_time("2026-11-23T00:00:01Z");
    assert!(!one.top.top(Period::Daily).await.unwrap().stale);
}

#[tokio::test]
async fn without_the_catalogue_rankings_are_still_computed() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    let mut concerts = MockConcerts::new();
    concerts.expect_catalogue().returning(|_| Err(down()));
    let job = WarmRankings {
        browse: Arc::new(Browse::new(Arc::new(concerts), clock(0))),
        top: fixture.instance("UTC"),
    };
    assert_eq!(job.run(&Period::ALL).await, Err(down()));
    assert_eq!(fixture.queries().len(), 4);
    assert_eq!(job.run(&Period::ALL).await, Err(down()));
    assert_eq!(fixture.queries(), [], "no ranking is due");
}

#[tokio::test]
async fn a_concert_that_was_retitled_is_ranked_under_its_new_title() {
    let fixture = RankingFixture::new("2026-11-22T12:00:00Z");
    job(&fixture, "UTC").run(&Period::ALL).await.unwrap();
    assert_eq!(job(&fixture, "UTC").run(&Period::ALL).await, Ok(0));
    assert_eq!(
        job_with(&fixture, "UTC", "Renamed").run(&Period::ALL).await,
        Ok(4)
    );
}
