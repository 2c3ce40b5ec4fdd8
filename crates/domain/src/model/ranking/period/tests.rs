use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn span(period: Period, now: &str, zone: &str) -> (String, String) {
    let span = period.span(at(now), &TimeZone::get(zone).unwrap());
    (span.from.to_string(), span.to.to_string())
}

fn pair(from: &str, to: &str) -> (String, String) {
    (from.into(), to.into())
}

#[test]
fn realtime_is_the_last_sixty_finished_minutes() {
    assert_eq!(
        span(Period::Realtime, "2026-11-22T10:30:59.999Z", "Asia/Seoul"),
        pair("2026-11-22T09:30:00Z", "2026-11-22T10:30:00Z")
    );
}

#[test]
fn days_weeks_and_months_turn_in_the_zone() {
    // Sunday, 00:30 in Seoul; still Saturday in UTC.
    let now = "2026-11-21T15:30:00Z";
    assert_eq!(
        span(Period::Daily, now, "Asia/Seoul"),
        pair("2026-11-20T15:00:00Z", "2026-11-21T15:00:00Z")
    );
    assert_eq!(
        span(Period::Weekly, now, "Asia/Seoul"),
        pair("2026-11-08T15:00:00Z", "2026-11-15T15:00:00Z")
    );
    assert_eq!(
        span(Period::Monthly, now, "Asia/Seoul"),
        pair("2026-09-30T15:00:00Z", "2026-10-31T15:00:00Z")
    );
}

#[test]
fn the_turn_itself_belongs_to_the_new_day() {
    assert_eq!(
        span(Period::Daily, "2026-11-21T15:00:00Z", "Asia/Seoul"),
        pair("2026-11-20T15:00:00Z", "2026-11-21T15:00:00Z")
    );
    assert_eq!(
        span(Period::Daily, "2026-11-21T14:59:59.999999Z", "Asia/Seoul"),
        pair("2026-11-19T15:00:00Z", "2026-11-20T15:00:00Z")
    );
}

#[test]
fn a_day_with_a_clock_change_is_as_long_as_it_was() {
    // Berlin, 29 March 2026: 23 hours. 25 October 2026: 25 hours.
    assert_eq!(
        span(Period::Daily, "2026-03-30T10:00:00Z", "Europe/Berlin"),
        pair("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")
    );
    assert_eq!(
        span(Period::Daily, "2026-10-26T10:00:00Z", "Europe/Berlin"),
        pair("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")
    );
}

#[test]
fn a_finished_period_is_kept_five_minutes_past_the_next_turn() {
    let seoul = TimeZone::get("Asia/Seoul").unwrap();
    let now = at("2026-11-21T15:30:00Z");
    assert_eq!(
        Period::Daily.cached_until(now, &seoul),
        at("2026-11-22T15:05:00Z")
    );
    assert_eq!(
        Period::Weekly.cached_until(now, &seoul),
        at("2026-11-22T15:05:00Z")
    );
    assert_eq!(
        Period::Monthly.cached_until(now, &seoul),
        at("2026-11-30T15:05:00Z")
    );
}

#[test]
fn zones_with_odd_offsets_turn_at_their_own_minute() {
    // +05:45, +12:45 (+13:45 in summer), and +10:30 with half an hour of summer time.
    assert_eq!(
        span(Period::Daily, "2026-11-21T18:15:00Z", "Asia/Kathmandu"),
        pair("2026-11-20T18:15:00Z", "2026-11-21T18:15:00Z")
    );
    assert_eq!(
        span(Period::Monthly, "2026-11-05T00:00:00Z", "Pacific/Chatham"),
        pair("2026-09-30T10:15:00Z", "2026-10-31T10:15:00Z")
    );
    // Lord Howe, 4 October 2026: 23 and a half hours.
    assert_eq!(
        span(Period::Daily, "2026-10-05T00:00:00Z", "Australia/Lord_Howe"),
        pair("2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z")
    );
}

#[test]
fn a_day_whose_midnight_is_skipped_begins_an_hour_late() {
    // Cairo, 24 April 2026: from 23:59:59 to 01:00:00.
    assert_eq!(
        span(Period::Daily, "2026-04-24T23:00:00Z", "Africa/Cairo"),
        pair("2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z")
    );
    let cairo = TimeZone::get("Africa/Cairo").unwrap();
    let turn = Period::Daily.next_turn(at("2026-04-23T12:00:00Z"), &cairo);
    assert_eq!(turn, at("2026-04-23T22:00:00Z"));
}

#[test]
fn a_day_that_a_zone_skipped_is_no_period() {
    // Apia had no 30 December 2011.
    assert_eq!(
        span(Period::Daily, "2011-12-30T12:00:00Z", "Pacific/Apia"),
        pair("2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z")
    );
}

#[test]
fn the_year_turns_for_every_period() {
    // Friday, the first of January 2027, 00:00 in Seoul.
    let now = "2026-12-31T15:00:00Z";
    assert_eq!(
        span(Period::Daily, now, "Asia/Seoul"),
        pair("2026-12-30T15:00:00Z", "2026-12-31T15:00:00Z")
    );
    assert_eq!(
        span(Period::Weekly, now, "Asia/Seoul"),
        pair("2026-12-20T15:00:00Z", "2026-12-27T15:00:00Z")
    );
    assert_eq!(
        span(Period::Monthly, now, "Asia/Seoul"),
        pair("2026-11-30T15:00:00Z", "2026-12-31T15:00:00Z")
    );
}

/// Every hour of fourteen months: spans follow each other without a gap, and each ends where the
/// one before it said that it would.
#[test]
fn periods_follow_each_other_without_a_gap() {
    for zone in [
        "Asia/Seoul",
        "Europe/Berlin",
        "Asia/Kathmandu",
        "Africa/Cairo",
    ] {
        let zone = TimeZone::get(zone).unwrap();
        for period in [Period::Daily, Period::Weekly, Period::Monthly] {
            let mut now = at("2026-01-01T00:00:00Z");
            let mut before = period.span(now, &zone);
            let mut turn = period.next_turn(now, &zone);
            while now < at("2027-03-01T00:00:00Z") {
                now += SignedDuration::from_hours(1);
                let span = period.span(now, &zone);
                if span == before {
                    assert!(now < turn, "{now}");
                    continue;
                }
                assert_eq!((span.from, span.to), (before.to, turn), "{now}");
                before = span;
                turn = period.next_turn(now, &zone);
            }
        }
    }
}

#[test]
fn nothing_reaches_back_further_than_last_month() {
    let seoul = TimeZone::get("Asia/Seoul").unwrap();
    assert_eq!(
        Period::reach(at("2026-11-21T15:30:00Z"), &seoul),
        at("2026-09-30T15:00:00Z")
    );
}
