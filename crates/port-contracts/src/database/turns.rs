//! Sales that are confirmed at the turn of a period.
//!
//! To confirm a sale at a given microsecond, the store's clock must stand still, except for the
//! fixture's shifts. So this contract is not in the suite. An adapter that can stop its clock calls
//! it with its own fixture.

use frontrow_domain::model::{Period, Ranking, ReservationState, Span};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{DatabaseFixture, TestSale};

const TICK: SignedDuration = SignedDuration::from_micros(1);

/// An instant at which some periods turn in one zone.
struct Turn {
    zone: &'static str,
    at: &'static str,
    periods: &'static [Period],
}

/// The turns, in ascending order.
const TURNS: [Turn; 7] = [
    Turn {
        zone: "Asia/Seoul",
        at: "2026-09-30T15:00:00Z",
        periods: &[Period::Daily, Period::Monthly],
    },
    // After a day of 23 and a half hours.
    Turn {
        zone: "Australia/Lord_Howe",
        at: "2026-10-04T13:00:00Z",
        periods: &[Period::Daily, Period::Weekly],
    },
    // After one of 25.
    Turn {
        zone: "Europe/Berlin",
        at: "2026-10-25T23:00:00Z",
        periods: &[Period::Daily, Period::Weekly],
    },
    Turn {
        zone: "Asia/Kathmandu",
        at: "2026-11-17T18:15:00Z",
        periods: &[Period::Daily],
    },
    Turn {
        zone: "Asia/Seoul",
        at: "2026-11-22T15:00:00Z",
        periods: &[Period::Daily, Period::Weekly],
    },
    // A new year.
    Turn {
        zone: "UTC",
        at: "2027-01-01T00:00:00Z",
        periods: &[Period::Daily, Period::Monthly],
    },
    // After a day of 23 hours.
    Turn {
        zone: "Europe/Berlin",
        at: "2027-03-28T22:00:00Z",
        periods: &[Period::Daily, Period::Weekly],
    },
];

/// A sale that is confirmed in the last microsecond of a period belongs to it. A sale that is
/// confirmed one microsecond later, at the turn, belongs to the next period. Adding up does not
/// change that. The fixture's clock stands still, before September 2026 is over.
pub async fn a_turn_divides_the_sales_around_it<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::empty(fixture);
    for turn in &TURNS {
        sale.sell_around(turn).await;
        sale.is_divided(turn).await;
        while sale.add_up().await > 0 {}
        sale.is_divided(turn).await;
    }
}

impl<F: DatabaseFixture> TestSale<F> {
    /// Sells one seat of a new concert before the turn, two seats at it, and three seats after it.
    async fn sell_around(&mut self, turn: &Turn) {
        self.concert = self.add_concert(turn.at).await;
        self.performance = self.add_performance(self.concert).await;
        let turn = instant(turn.at);
        for (name, at, labels) in [
            ("ann", turn - TICK, &["A-1"][..]),
            ("ben", turn, &["A-2", "A-3"]),
            ("cat", turn + TICK, &["A-4", "A-5", "A-6"]),
        ] {
            let span = at.duration_since(self.now().await);
            assert!(!span.is_negative(), "the clock is past {at}");
            self.pass(span.unsigned_abs()).await;
            let bought = self.bought(name, labels).await;
            assert_eq!(bought.state, ReservationState::Confirmed { at });
        }
    }

    async fn is_divided(&self, turn: &Turn) {
        let zone = TimeZone::get(turn.zone).expect("a zone");
        let at = instant(turn.at);
        for period in turn.periods.iter().chain(&[Period::Realtime]) {
            let ended = period.span(at, &zone);
            let begun = period.span(period.next_turn(at, &zone), &zone);
            assert_eq!(ended.to, at, "{period:?} in {}", turn.zone);
            let sold = (self.sold_in(ended).await, self.sold_in(begun).await);
            // The last hour moves on by a minute.
            let expected = match period {
                Period::Realtime => (1, 6),
                _ => (1, 5),
            };
            assert_eq!(sold, expected, "{period:?} in {}", turn.zone);
        }
    }

    /// Returns how many seats of the concert were confirmed in `span`.
    async fn sold_in(&self, span: Span) -> u64 {
        let source = &self.ports.ranking_source;
        let top = source.top(span, Ranking::MAX_ITEMS).await.expect("top");
        let ours = top.iter().find(|ranked| ranked.concert == self.concert);
        ours.map_or(0, |ranked| ranked.seats_sold)
    }

    async fn add_up(&self) -> u32 {
        self.ports.ranking_counters.add_up(2).await.expect("add up")
    }
}

fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}
