//! The ranking of popular concerts: the span of time that it counts, the counters behind it, and
//! when it is to be computed again.

mod buckets;
mod per_period;
mod period;

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

pub use self::{
    buckets::{Buckets, Grain},
    per_period::PerPeriod,
    period::{Period, Span},
};
use super::{ConcertId, later};

/// A concert's rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankedConcert {
    /// The concert.
    pub concert: ConcertId,
    /// Its title.
    pub title: String,
    /// Number of its seats that were confirmed in the span.
    pub seats_sold: u64,
}

/// The most popular concerts of a span, the highest count first. The lower id wins a tie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking {
    /// The period that it is of.
    pub period: Period,
    /// The time that it counts.
    pub span: Span,
    /// When it was computed. It has everything that was committed by then.
    pub as_of: Timestamp,
    /// At most [`Ranking::MAX_ITEMS`] concerts.
    pub items: Vec<RankedConcert>,
}

impl Ranking {
    /// The largest number of concerts in a ranking.
    pub const MAX_ITEMS: u8 = 20;

    /// How long after the end of a span its sales may still be committed: the time that a payment
    /// may take from reading the clock to its commit (one minute, if the operator allows that
    /// much), plus the time by which the store's clock may be behind (one more minute).
    pub const SETTLING: Duration = Duration::from_mins(2);

    /// How long after its end a finished period is computed once more, for sales whose commit took
    /// longer than it ever should: because a server stood still, or a clock was far behind.
    pub const VERY_LATE: Duration = Duration::from_hours(1);

    /// The time by which the clock of another instance may be ahead of ours. That instance then
    /// sees a new period before we do, and its ranking must not be replaced by one of the previous
    /// period.
    const AHEAD: Duration = Duration::from_mins(1);

    /// Returns true if its span is some period of the time zone `zone`, not necessarily the last
    /// finished one. Instances with other zones may share a cache.
    #[must_use]
    pub fn is_of(&self, zone: &TimeZone) -> bool {
        self.span == self.period.span(self.span.to, zone)
    }

    /// Returns true if it was computed at least [`Ranking::SETTLING`] after the end of its span, so
    /// that it has every sale whose commit was not very late.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        later(self.span.to, Self::SETTLING) <= self.as_of
    }

    /// Returns true if it may still be shown at `now`.
    ///
    /// - Realtime: it is at most [`Period::REALTIME_TTL`] old.
    /// - A finished period: it is of the last finished one, and it is settled or the time of
    ///   [`Ranking::SETTLING`] is not over. Until then late sales may be missing.
    #[must_use]
    pub fn is_current(&self, now: Timestamp, zone: &TimeZone) -> bool {
        if self.period == Period::Realtime {
            return self.age(now) <= Period::REALTIME_TTL;
        }
        let ours = self.period.span(now, zone);
        let is_last =
            self.span == ours || self.span == self.period.span(later(now, Self::AHEAD), zone);
        is_last && (self.is_settled() || now < later(self.span.to, Self::SETTLING))
    }

    /// Returns when it is due to be computed again.
    ///
    /// - Realtime: [`Period::REALTIME_REFRESH`] after it was computed.
    /// - A finished period: [`Ranking::SETTLING`] after the end of its span. If it was computed
    ///   after that: [`Ranking::VERY_LATE`] after the end of its span. If it was computed after
    ///   that too: at the end of the next period.
    #[must_use]
    pub fn replaced_at(&self, zone: &TimeZone) -> Timestamp {
        if self.period == Period::Realtime {
            return later(self.as_of, Period::REALTIME_REFRESH);
        }
        [Self::SETTLING, Self::VERY_LATE]
            .map(|wait| later(self.span.to, wait))
            .into_iter()
            .find(|&due| self.as_of < due)
            .unwrap_or_else(|| self.period.next_turn(self.span.to, zone))
    }

    /// Returns the time since it was computed. Never negative, even if clocks differ.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        now.duration_since(self.as_of).unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn computed(period: Period, as_of: &str) -> Ranking {
        Ranking {
            period,
            span: period.span(at(as_of), &TimeZone::UTC),
            as_of: at(as_of),
            items: Vec::new(),
        }
    }

    #[test]
    fn a_ranking_computed_right_after_a_turn_is_computed_twice_more() {
        let early = computed(Period::Daily, "2026-11-22T00:00:03Z");
        let current = |now| early.is_current(at(now), &TimeZone::UTC);
        assert!(!early.is_settled());
        assert!(current("2026-11-22T00:01:59Z"));
        assert!(!current("2026-11-22T00:02:00Z"));
        assert_eq!(
            early.replaced_at(&TimeZone::UTC),
            at("2026-11-22T00:02:00Z")
        );
        let settled = computed(Period::Daily, "2026-11-22T00:02:00Z");
        assert!(settled.is_settled());
        assert!(settled.is_current(at("2026-11-22T23:58:59Z"), &TimeZone::UTC));
        assert!(!settled.is_current(at("2026-11-23T00:00:00Z"), &TimeZone::UTC));
        assert_eq!(
            settled.replaced_at(&TimeZone::UTC),
            at("2026-11-22T01:00:00Z")
        );
        assert!(settled.is_current(at("2026-11-22T01:00:00Z"), &TimeZone::UTC));
        let final_one = computed(Period::Daily, "2026-11-22T01:00:00Z");
        assert_eq!(
            final_one.replaced_at(&TimeZone::UTC),
            at("2026-11-23T00:00:00Z")
        );
    }

    #[test]
    fn a_ranking_of_an_instance_whose_clock_is_ahead_is_current() {
        let other = computed(Period::Daily, "2026-11-22T00:00:00Z");
        assert!(other.is_current(at("2026-11-21T23:59:30Z"), &TimeZone::UTC));
        assert!(!other.is_current(at("2026-11-21T23:58:00Z"), &TimeZone::UTC));
    }

    #[test]
    fn a_ranking_of_another_zone_is_not_current() {
        let seoul = TimeZone::get("Asia/Seoul").unwrap();
        for period in [Period::Daily, Period::Weekly, Period::Monthly] {
            let other = computed(period, "2026-11-18T12:00:00Z");
            assert!(!other.is_current(at("2026-11-18T12:00:01Z"), &seoul));
            assert!(other.is_of(&TimeZone::UTC) && !other.is_of(&seoul));
        }
    }

    #[test]
    fn the_last_hour_is_the_same_in_every_zone() {
        let realtime = computed(Period::Realtime, "2026-11-22T10:00:30Z");
        assert!(realtime.is_of(&TimeZone::get("Asia/Kathmandu").unwrap()));
    }

    #[test]
    fn realtime_is_replaced_every_few_seconds() {
        let realtime = computed(Period::Realtime, "2026-11-22T10:00:30Z");
        assert!(realtime.is_current(at("2026-11-22T10:00:40Z"), &TimeZone::UTC));
        assert!(!realtime.is_current(at("2026-11-22T10:00:41Z"), &TimeZone::UTC));
        assert_eq!(
            realtime.replaced_at(&TimeZone::UTC),
            at("2026-11-22T10:00:34Z")
        );
    }
}
