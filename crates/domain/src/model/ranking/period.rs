//! The periods of rankings, and the span of time that each counts.
//!
//! All spans are half-open: a sale that is confirmed at the very end of one belongs to the next
//! one. Days, weeks and months are those of a configured time zone, so a day may last 23 or 25
//! hours.

use std::{str::FromStr, time::Duration};

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::Grain;
use crate::model::{Invalid, later};

/// The period of a ranking. Days, weeks and months are those of a configured time zone, so a day
/// may last 23 or 25 hours.
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

/// A half-open range of time: a sale that is confirmed at the very end belongs to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first instant that counts.
    pub from: Timestamp,
    /// The first instant that no longer counts.
    pub to: Timestamp,
}

impl Period {
    /// All periods.
    pub const ALL: [Self; 4] = [Self::Realtime, Self::Daily, Self::Weekly, Self::Monthly];

    /// The periods that have ended before they are ranked.
    pub const FINISHED: [Self; 3] = [Self::Daily, Self::Weekly, Self::Monthly];

    /// How long a finished period is kept after the end of the next one, so that readers still have
    /// it while that next one is being computed.
    pub const GRACE: Duration = Duration::from_mins(5);

    /// How long a realtime ranking may be served.
    pub const REALTIME_TTL: Duration = Duration::from_secs(10);

    /// The time after which a realtime ranking is due to be computed again.
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

    /// The span that this period counts at `now`.
    #[must_use]
    pub fn span(self, now: Timestamp, zone: &TimeZone) -> Span {
        let to = self.running_since(now, zone);
        let from = if self == Self::Realtime {
            minutes_from(to, -60)
        } else {
            // A zone may skip a day: the previous period is the one that has the last instant
            // before `to`.
            let last = to.checked_sub(SignedDuration::from_micros(1));
            last.map_or(to, |last| self.running_since(last, zone))
        };
        Span { from, to }
    }

    /// The end of the period that is running at `now`. The running period of realtime is a minute.
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

    /// Until when a ranking of this period that is computed at `now` is cached.
    #[must_use]
    pub fn cached_until(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        match self {
            Self::Realtime => later(now, Self::REALTIME_TTL),
            finished => later(finished.next_turn(now, zone), Self::GRACE),
        }
    }

    /// The first instant that any period counts at `now`.
    #[must_use]
    pub fn reach(now: Timestamp, zone: &TimeZone) -> Timestamp {
        let from = Self::ALL.map(|period| period.span(now, zone).from);
        from.into_iter().min().unwrap_or(now)
    }

    /// The start of the period that is running at `now`, and so the end of the last finished one.
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

/// The first instant of a day. None if it is not representable.
fn start_of(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    // If the clocks skip midnight, the day begins with the first instant after it.
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
mod tests;
