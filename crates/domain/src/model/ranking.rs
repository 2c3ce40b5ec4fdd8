//! Which span of time a ranking counts.
//!
//! All spans are half-open: what is confirmed at their very end belongs to the next one. Days, weeks
//! and months are those of a configured time zone, so a day may last 23 or 25 hours.

use std::{str::FromStr, time::Duration};

use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{ConcertId, Invalid, later};

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

/// A concert's rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankedConcert {
    /// Which concert.
    pub concert: ConcertId,
    /// What it is called.
    pub title: String,
    /// How many of its seats were confirmed in the span.
    pub seats_sold: u64,
}

/// The most popular concerts of a span, best first; ties go to the lower id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking {
    /// How far it looks back.
    pub period: Period,
    /// What it counts.
    pub span: Span,
    /// When it was computed.
    pub as_of: Timestamp,
    /// At most [`Ranking::MAX_ITEMS`] concerts.
    pub items: Vec<RankedConcert>,
}

impl Ranking {
    /// How many concerts a ranking has at most.
    pub const MAX_ITEMS: u8 = 20;
}

impl Period {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Realtime, Self::Daily, Self::Weekly, Self::Monthly];

    /// How much longer than its turn a finished period is kept, so that readers still have it
    /// while the next one is being computed.
    pub const GRACE: Duration = Duration::from_mins(5);

    /// How long a realtime ranking is good.
    pub const REALTIME_TTL: Duration = Duration::from_secs(10);

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
        if self == Self::Realtime {
            let second = now.as_second();
            let to = Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(now);
            let from = to.checked_sub(1.hour()).unwrap_or(Timestamp::MIN);
            return Span { from, to };
        }
        let running = self.running_since(&now.to_zoned(zone.clone()));
        let before = match self {
            Self::Realtime | Self::Daily => running.checked_sub(1.day()),
            Self::Weekly => running.checked_sub(7.days()),
            Self::Monthly => running.checked_sub(1.month()),
        };
        let to = running.timestamp();
        let from = before
            .and_then(|before| before.start_of_day())
            .map_or(to, |before| before.timestamp());
        Span { from, to }
    }

    /// Until when a ranking of this period computed at `now` is to be cached.
    #[must_use]
    pub fn cached_until(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        if self == Self::Realtime {
            return later(now, Self::REALTIME_TTL);
        }
        let running = self.running_since(&now.to_zoned(zone.clone()));
        let next = match self {
            Self::Realtime | Self::Daily => running.checked_add(1.day()),
            Self::Weekly => running.checked_add(7.days()),
            Self::Monthly => running.checked_add(1.month()),
        };
        let turn = next
            .and_then(|next| next.start_of_day())
            .map_or(now, |next| next.timestamp());
        later(turn, Self::GRACE)
    }

    /// The start of the period that is still running at `now`, and so the end of the last finished.
    fn running_since(self, now: &Zoned) -> Zoned {
        let first_day = match self {
            Self::Realtime | Self::Daily => Ok(now.clone()),
            Self::Weekly => {
                now.checked_sub(i64::from(now.weekday().to_monday_zero_offset()).days())
            }
            Self::Monthly => now.first_of_month(),
        };
        first_day
            .and_then(|day| day.start_of_day())
            .unwrap_or_else(|_| now.clone())
    }
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
}
