//! Which span of time a ranking counts.
//!
//! All spans are half-open: what is confirmed at their very end belongs to the next one. Days, weeks
//! and months are those of a configured time zone, so a day may last 23 or 25 hours.

use std::{str::FromStr, time::Duration};

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::Grain;
use crate::model::{Invalid, later};

/// How far a ranking looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// The last 60 finished minutes.
    Realtime,
    /// The last finished day.
    Daily,
    /// The last finished week, from Monday.
    Weekly,
    /// The last finished month.
    Monthly,
}

/// From when, inclusive, until when, exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first instant that counts.
    pub from: Timestamp,
    /// The first instant that no longer counts.
    pub to: Timestamp,
}

impl Period {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Realtime, Self::Daily, Self::Weekly, Self::Monthly];

    /// How much longer than its turn a finished period is kept, so that readers still have it
    /// while the next one is being computed.
    pub const GRACE: Duration = Duration::from_mins(5);

    /// How long a realtime ranking is good.
    pub const REALTIME_TTL: Duration = Duration::from_secs(10);

    /// How often a realtime ranking is computed, while anything goes on.
    pub const REALTIME_REFRESH: Duration = Duration::from_secs(4);

    /// The name used in requests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Realtime => "realtime",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// What this period counts when asked at `now`.
    #[must_use]
    pub fn span(self, now: Timestamp, zone: &TimeZone) -> Span {
        let to = self.running_since(now, zone);
        let from = if self == Self::Realtime {
            minutes_from(to, -60)
        } else {
            // A zone may skip a day: the period before is the one in which its last instant lies.
            let last = to.checked_sub(SignedDuration::from_micros(1));
            last.map_or(to, |last| self.running_since(last, zone))
        };
        Span { from, to }
    }

    /// The end of the period that is running at `now`; that of realtime is a minute.
    #[must_use]
    pub fn next_turn(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        let since = self.running_since(now, zone);
        let first_day = zone.to_datetime(since).date();
        let next = match self {
            Self::Realtime => return minutes_from(since, 1),
            Self::Daily => first_day.checked_add(1.day()),
            Self::Weekly => first_day.checked_add(7.days()),
            Self::Monthly => first_day.checked_add(1.month()),
        };
        next.map_or(Timestamp::MAX, |next| {
            start_of(next, zone).unwrap_or(Timestamp::MAX)
        })
    }

    /// Until when a ranking of this period computed at `now` is to be cached.
    #[must_use]
    pub fn cached_until(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        match self {
            Self::Realtime => later(now, Self::REALTIME_TTL),
            finished => later(finished.next_turn(now, zone), Self::GRACE),
        }
    }

    /// The first instant that any period counts when asked at `now`.
    #[must_use]
    pub fn reach(now: Timestamp, zone: &TimeZone) -> Timestamp {
        let from = Self::ALL.map(|period| period.span(now, zone).from);
        from.into_iter().min().unwrap_or(now)
    }

    /// The start of the period that is still running at `now`, and so the end of the last finished.
    fn running_since(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        if self == Self::Realtime {
            return Grain::Minute.start(now);
        }
        let today = zone.to_datetime(now).date();
        let first_day = match self {
            Self::Realtime | Self::Daily => Ok(today),
            Self::Weekly => {
                today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days())
            }
            Self::Monthly => Ok(today.first_of_month()),
        };
        let since = first_day.ok().and_then(|day| start_of(day, zone));
        since.unwrap_or(now)
    }
}

/// The first instant of a day; none where no clock can show it any more.
fn start_of(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    // Where the clocks skip midnight, the day begins with the first instant after that.
    day.to_zoned(zone.clone())
        .ok()
        .map(|start| start.timestamp())
}

fn minutes_from(at: Timestamp, minutes: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_mins(minutes))
        .unwrap_or(at)
}

impl FromStr for Period {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|period| period.as_str() == text)
            .ok_or_else(|| Invalid::new("one of realtime, daily, weekly and monthly"))
    }
}

#[cfg(test)]
mod tests {
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

    /// Every hour of fourteen months: spans follow each other without a gap, and each ends where the one
    /// before it said that it would.
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
}
