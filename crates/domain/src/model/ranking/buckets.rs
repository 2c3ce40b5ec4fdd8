//! The division of a span into counters. In all present time zones periods end at whole minutes,
//! many at half or quarter hours, so no period has a rest of less than a minute.

use jiff::Timestamp;

use super::Span;

/// The time that one counter covers, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grain {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

/// The parts of a span, by the counters that cover them. So the cost of reading a span grows with
/// the number of counters and not with the number of sales.
///
/// Sold seats are counted by concert and UTC minute, hour and day. A span consists of the whole
/// days inside it, whole hours and minutes towards its ends, and at the very ends a rest of less
/// than a minute, which has no counter. Together the parts cover the span exactly once. A part may
/// be empty. The order of the two parts in an array has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets {
    /// Whole days.
    pub days: Span,
    /// Whole hours.
    pub hours: [Span; 2],
    /// Whole minutes.
    pub minutes: [Span; 2],
    /// The rests at the ends, less than a minute each.
    pub rest: [Span; 2],
}

impl Grain {
    /// All grains, the finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// The start of the counter that `at` belongs to.
    #[must_use]
    pub fn start(self, at: Timestamp) -> Timestamp {
        let second = at.as_second();
        // For an instant before 1970 with a fraction, `as_second` is the whole second after it.
        let second = second - i64::from(at.subsec_nanosecond() < 0);
        whole(second - second.rem_euclid(self.seconds()))
    }

    fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// The whole counters in `span`, from the first one's start to the last one's end.
    fn inside(self, span: Span) -> Span {
        let start = self.start(span.from);
        let from = if start == span.from {
            start
        } else {
            whole(start.as_second().saturating_add(self.seconds()))
        };
        let to = self.start(span.to);
        Span {
            from,
            to: to.max(from),
        }
    }
}

impl Span {
    /// Divides the span into its parts.
    #[must_use]
    pub fn buckets(self) -> Buckets {
        let days = Grain::Day.inside(self);
        let hours = Grain::Hour.inside(self);
        let minutes = Grain::Minute.inside(self);
        Buckets {
            days,
            hours: hours.around(days),
            minutes: minutes.around(hours),
            rest: self.around(minutes),
        }
    }

    /// Returns true if the span is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.to <= self.from
    }

    /// The parts of this span before and after `inside`, which lies in it.
    fn around(self, inside: Span) -> [Span; 2] {
        if inside.is_empty() {
            let nothing = Span {
                from: self.to,
                to: self.to,
            };
            return [self, nothing];
        }
        let before = Span {
            from: self.from,
            to: inside.from,
        };
        let after = Span {
            from: inside.to,
            to: self.to,
        };
        [before, after]
    }
}

/// The instant of a whole second, or the nearest representable one.
fn whole(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::{super::Period, *};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn parts(span: Span) -> Vec<(Option<Grain>, Span)> {
        let Buckets {
            days,
            hours,
            minutes,
            rest,
        } = span.buckets();
        let mut parts = vec![(Some(Grain::Day), days)];
        parts.extend(hours.map(|part| (Some(Grain::Hour), part)));
        parts.extend(minutes.map(|part| (Some(Grain::Minute), part)));
        parts.extend(rest.map(|part| (None, part)));
        parts.retain(|(_, part)| !part.is_empty());
        parts.sort_by_key(|(_, part)| part.from);
        parts
    }

    #[test]
    fn a_span_is_days_within_hours_within_minutes() {
        let span = Span {
            from: at("2026-11-20T18:14:59.5Z"),
            to: at("2026-11-23T02:01:00.25Z"),
        };
        let parts = parts(span);
        let grains: Vec<_> = parts.iter().map(|(grain, _)| *grain).collect();
        let (minute, hour) = (Some(Grain::Minute), Some(Grain::Hour));
        assert_eq!(
            grains,
            [None, minute, hour, Some(Grain::Day), hour, minute, None]
        );
        assert_eq!(parts[3].1.from, at("2026-11-21T00:00:00Z"));
        assert_eq!(parts[3].1.to, at("2026-11-23T00:00:00Z"));
    }

    /// Some zones have offsets of a quarter hour, or half an hour of summer time.
    #[test]
    fn no_period_of_any_zone_ends_within_a_minute() {
        for zone in [
            "Asia/Seoul",
            "Asia/Kathmandu",
            "Australia/Lord_Howe",
            "Pacific/Chatham",
            "America/St_Johns",
            "Africa/Cairo",
        ] {
            let zone = TimeZone::get(zone).unwrap();
            for hour in (0..24 * 400).step_by(7) {
                let now = at("2026-01-01T00:30:00Z") + jiff::SignedDuration::from_hours(hour);
                for period in Period::ALL {
                    let rest = period.span(now, &zone).buckets().rest;
                    assert!(rest.iter().all(|rest| rest.is_empty()), "{now} {zone:?}");
                }
            }
        }
    }

    proptest! {
        /// Spans begin within three months of 1970, where seconds change their sign.
        #[test]
        fn the_parts_cover_the_span_exactly_once(
            from in -8_000_000_i64..8_000_000,
            us in 0_i64..1_000_000,
            lasts in 0_i64..700_000,
            more_us in 0_i64..1_000_000,
        ) {
            let from = Timestamp::from_microsecond(from * 1_000_000 + us).unwrap();
            let to = from + jiff::SignedDuration::from_micros(lasts * 1_000_000 + more_us);
            let span = Span { from, to };
            let mut next = from;
            for (grain, part) in parts(span) {
                prop_assert_eq!(part.from, next);
                next = part.to;
                match grain {
                    Some(grain) => prop_assert!(
                        grain.start(part.from) == part.from && grain.start(part.to) == part.to
                    ),
                    None => prop_assert!(
                        part.to.duration_since(part.from).as_secs() < 60
                    ),
                }
            }
            prop_assert_eq!(next, to);
        }

        #[test]
        fn an_instant_is_in_its_counter(us in -9_000_000_000_000_i64..9_000_000_000_000) {
            let at = Timestamp::from_microsecond(us).unwrap();
            for grain in Grain::ALL {
                let start = grain.start(at);
                let end = start + jiff::SignedDuration::from_secs(grain.seconds());
                prop_assert!(start <= at && at < end);
            }
        }
    }
}
