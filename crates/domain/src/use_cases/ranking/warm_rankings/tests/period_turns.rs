//! Rankings at the turns of days, weeks and months, in several time zones.

use jiff::Timestamp;

use super::*;

/// Checks when the finished periods are computed: at the turn, when no late sale should come any
/// more, and an hour later for sales that came even later. Then not until the next turn.
async fn check_turn(zone: &str, turn: &str, expected: &[Span]) {
    let turn: Timestamp = turn.parse().unwrap();
    let fixture = RankingFixture::new(&(turn - SignedDuration::from_hours(1)).to_string());
    let job = job(&fixture, zone);
    let at = |seconds: i64| (turn + SignedDuration::from_secs(seconds)).to_string();
    job.run(&Period::ALL).await.unwrap();
    fixture.set_time(&at(-1));
    job.run(&Period::ALL).await.unwrap();
    finished(&fixture);
    fixture.set_time(&at(0));
    job.run(&Period::ALL).await.unwrap();
    assert_eq!(finished(&fixture), expected, "{zone}, at the turn");
    for (seconds, again) in [
        (5, false),
        (60, false),
        (119, false),
        (120, true),
        (125, false),
        (3_599, false),
        (3_600, true),
        (3_605, false),
        (7_200, false),
    ] {
        fixture.set_time(&at(seconds));
        job.run(&Period::ALL).await.unwrap();
        let expected = if again { expected } else { &[] };
        assert_eq!(finished(&fixture), expected, "{zone}, {seconds} s later");
    }
}

#[tokio::test]
async fn a_day_is_computed_at_its_turn_and_twice_more() {
    check_turn(
        "Asia/Seoul",
        "2026-11-17T15:00:00Z",
        &[span("2026-11-16T15:00:00Z", "2026-11-17T15:00:00Z")],
    )
    .await;
}

#[tokio::test]
async fn a_week_is_computed_on_monday() {
    check_turn(
        "Asia/Seoul",
        "2026-11-22T15:00:00Z",
        &[
            span("2026-11-21T15:00:00Z", "2026-11-22T15:00:00Z"),
            span("2026-11-15T15:00:00Z", "2026-11-22T15:00:00Z"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_month_is_computed_on_its_first() {
    check_turn(
        "Asia/Seoul",
        "2026-09-30T15:00:00Z",
        &[
            span("2026-09-29T15:00:00Z", "2026-09-30T15:00:00Z"),
            span("2026-08-31T15:00:00Z", "2026-09-30T15:00:00Z"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_new_year_is_the_turn_of_a_day_and_a_month() {
    // The day is a Saturday.
    check_turn(
        "UTC",
        "2028-01-01T00:00:00Z",
        &[
            span("2027-12-31T00:00:00Z", "2028-01-01T00:00:00Z"),
            span("2027-12-01T00:00:00Z", "2028-01-01T00:00:00Z"),
        ],
    )
    .await;
}

#[tokio::test]
async fn days_of_a_clock_change_are_as_long_as_they_were() {
    check_turn(
        "Europe/Berlin",
        "2027-03-28T22:00:00Z",
        &[
            span("2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z"),
            span("2027-03-21T23:00:00Z", "2027-03-28T22:00:00Z"),
        ],
    )
    .await;
    check_turn(
        "Australia/Lord_Howe",
        "2026-10-04T13:00:00Z",
        &[
            span("2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z"),
            span("2026-09-27T13:30:00Z", "2026-10-04T13:00:00Z"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_day_of_an_odd_zone_turns_at_its_own_minute() {
    check_turn(
        "Asia/Kathmandu",
        "2026-11-17T18:15:00Z",
        &[span("2026-11-16T18:15:00Z", "2026-11-17T18:15:00Z")],
    )
    .await;
}

#[tokio::test]
async fn sales_that_are_committed_late_are_ranked() {
    let fixture = RankingFixture::new("2026-11-21T23:59:59Z");
    let job = job(&fixture, "UTC");
    job.run(&Period::ALL).await.unwrap();
    fixture.set_time("2026-11-22T00:00:01Z");
    job.run(&Period::ALL).await.unwrap();
    // The sales have instants before the turn and are committed after it.
    let reader = fixture.instance("UTC");
    for (at, committed, seats_sold) in [
        ("2026-11-22T00:01:00Z", 4, 3),
        ("2026-11-22T00:02:00Z", 4, 4),
        ("2026-11-22T00:59:59Z", 5, 4),
        ("2026-11-22T01:00:00Z", 5, 5),
    ] {
        fixture.set_time(at);
        fixture.seats_sold.store(committed, Ordering::SeqCst);
        job.run(&Period::ALL).await.unwrap();
        let answer = reader.top(Period::Daily).await.unwrap();
        let ranked = answer.ranking.items.first().unwrap();
        assert_eq!(ranked.seats_sold, seats_sold, "{at}");
    }
}

#[tokio::test]
async fn a_server_that_was_down_at_midnight_catches_up() {
    let fixture = RankingFixture::new("2026-11-21T22:00:00Z");
    job(&fixture, "UTC").run(&Period::ALL).await.unwrap();
    fixture.queries();
    fixture.set_time("2026-11-22T00:04:00Z");
    let reader = fixture.instance("UTC");
    let before = reader.top(Period::Daily).await.unwrap();
    assert_eq!(
        before.ranking.span.to,
        "2026-11-21T00:00:00Z".parse().unwrap()
    );
    job(&fixture, "UTC").run(&Period::ALL).await.unwrap();
    let day = span("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    assert_eq!(finished(&fixture), [day]);
    fixture.advance(TopConcerts::SHOWN_UNASKED);
    assert_eq!(reader.top(Period::Daily).await.unwrap().ranking.span, day);
}
