//! The counters behind the rankings: they reduce the cost of a ranking and never change its result.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use frontrow_domain::model::{
    ConcertId, Grain, Period, Ranking, Reservation, ReservationState, Span,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    DatabaseFixture, TestSale, at_once,
    test_sale::{DAY, far, long_ago},
};
use crate::DatabasePorts;

const TICK: SignedDuration = SignedDuration::from_micros(1);

/// Seats by concert.
type Sold = BTreeMap<ConcertId, u64>;

/// Expected sales, recorded beside the store.
#[derive(Default)]
struct ExpectedSales(Vec<(Timestamp, ConcertId, u64)>);

impl ExpectedSales {
    fn add(&mut self, sold: &Reservation) {
        let ReservationState::Confirmed { at } = sold.state else {
            panic!("should be confirmed: {sold:?}");
        };
        self.0
            .push((at, sold.concert, sold.seats.len().try_into().unwrap_or(0)));
    }

    fn sold_in(&self, span: Span) -> Sold {
        let mut sold = Sold::new();
        for (at, concert, seats) in &self.0 {
            if span.from <= *at && *at < span.to {
                *sold.entry(*concert).or_default() += seats;
            }
        }
        sold
    }

    /// Returns instants at and around the sales, and the starts of their counters.
    fn instants(&self) -> Vec<Timestamp> {
        let mut instants = vec![long_ago(), far()];
        for (at, ..) in &self.0 {
            instants.extend([*at, *at + TICK]);
            instants.extend(Grain::ALL.map(|grain| grain.start(*at)));
        }
        instants
    }

    /// Returns a third of the spans between any two of those instants, another third in each round,
    /// and the periods of some zones.
    fn spans(&self, round: usize) -> Vec<Span> {
        let instants = self.instants();
        let pairs = instants
            .iter()
            .flat_map(|&from| instants.iter().map(move |&to| Span { from, to }));
        let pairs = pairs.filter(|pair| !pair.is_empty());
        let mut spans: HashSet<_> = pairs.skip(round % 3).step_by(3).collect();
        for zone in [
            "UTC",
            "Asia/Seoul",
            "Asia/Kathmandu",
            "Pacific/Chatham",
            "Europe/Berlin",
        ] {
            let zone = TimeZone::get(zone).expect("a zone");
            for (at, ..) in &self.0 {
                for later in [SignedDuration::from_mins(61), DAY, DAY * 7, DAY * 31] {
                    spans.extend(Period::ALL.map(|period| period.span(*at + later, &zone)));
                }
            }
        }
        spans.into_iter().collect()
    }
}

async fn sold_in(ports: &DatabasePorts, span: Span) -> Sold {
    let top = ports.ranking_source.top(span, Ranking::MAX_ITEMS).await;
    let sold = top.expect("top").into_iter();
    sold.map(|one| (one.concert, one.seats_sold)).collect()
}

async fn assert_rankings_agree(ports: &DatabasePorts, expected: &ExpectedSales, round: usize) {
    for span in expected.spans(round) {
        assert_eq!(
            sold_in(ports, span).await,
            expected.sold_in(span),
            "{span:?}"
        );
    }
}

async fn add_up(ports: &DatabasePorts, limit: u32) -> u32 {
    let added = ports.ranking_counters.add_up(limit).await.expect("add up");
    assert!(added <= limit, "{added} of {limit}");
    added
}

impl<F: DatabaseFixture> TestSale<F> {
    /// Sells seats of two concerts in the course of a week.
    async fn sell_for_a_week(&mut self, expected: &mut ExpectedSales) {
        let minutes = [0, 0, 1, 44, 61, 600, 1_440, 7_000];
        for (number, minutes) in minutes.into_iter().enumerate() {
            self.pass(Duration::from_mins(minutes)).await;
            if number == 3 {
                self.concert = self.add_concert("Another").await;
                self.performance = self.add_performance(self.concert).await;
            }
            let (first, second) = (format!("A-{}", number + 1), format!("B-{}", number + 1));
            let both = [first.as_str(), second.as_str()];
            let seats = if number % 2 == 0 {
                &both[..]
            } else {
                &both[..1]
            };
            expected.add(&self.bought(&format!("user-{number}"), seats).await);
        }
    }
}

/// Adding up sales, once or several times, changes no ranking: every span has exactly the seats
/// confirmed in it, to the microsecond.
pub async fn adding_up_changes_no_ranking<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let mut expected = ExpectedSales::default();
    sale.sell_for_a_week(&mut expected).await;
    assert_rankings_agree(&sale.ports, &expected, 0).await;
    add_up(&sale.ports, 3).await;
    assert_rankings_agree(&sale.ports, &expected, 1).await;
    while add_up(&sale.ports, 2).await > 0 {}
    assert_rankings_agree(&sale.ports, &expected, 2).await;
    expected.add(&sale.bought("late", &["A-10"]).await);
    assert_rankings_agree(&sale.ports, &expected, 3).await;
    add_up(&sale.ports, 100).await;
    assert_eq!(add_up(&sale.ports, 100).await, 0);
    assert_rankings_agree(&sale.ports, &expected, 4).await;
}

/// Seats that are only held, were released or have expired are never added up.
pub async fn only_confirmed_seats_are_added_up<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.held("ann", &["A-1"]).await;
    sale.pass(super::HOLD).await;
    sale.sweep(10).await;
    let released = sale.held("ben", &["A-2"]).await;
    sale.release("ben", released.id).await;
    sale.held("cat", &["A-3"]).await;
    assert_eq!(add_up(&sale.ports, 10).await, 0);
    let all = Span {
        from: long_ago(),
        to: far(),
    };
    assert_eq!(sold_in(&sale.ports, all).await, Sold::new());
}

/// If many callers add up at once, each seat still counts once.
pub async fn concurrent_callers_add_up_each_seat_once<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let mut expected = ExpectedSales::default();
    for number in 1..=10 {
        let (first, second) = (format!("A-{number}"), format!("B-{number}"));
        let user = format!("user-{number}");
        expected.add(&sale.bought(&user, &[&first]).await);
        expected.add(&sale.bought(&user, &[&second]).await);
    }
    let adding = (0..6).map(|_| {
        let ports = sale.ports.clone();
        async move {
            let mut added = 0;
            for _ in 0..10 {
                added += add_up(&ports, 2).await;
            }
            added
        }
    });
    let added: u32 = at_once(adding).await.into_iter().sum();
    assert!(added == 20 || added == 0, "{added} were added up");
    assert_rankings_agree(&sale.ports, &expected, 0).await;
}

/// A reader that runs during sales and adding up counts each seat once, from its sale on. The sum
/// never falls.
pub async fn a_ranking_never_falls_during_sales_and_adding_up<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let mut held = Vec::new();
    for number in 1..=10 {
        let user = format!("user-{number}");
        sale.charged(&user, 100).await;
        held.push(sale.held(&user, &[&format!("A-{number}")]).await);
    }
    let all = Span {
        from: long_ago(),
        to: far(),
    };
    let adding = {
        let ports = sale.ports.clone();
        tokio::spawn(async move {
            for _ in 0..40 {
                add_up(&ports, 1).await;
            }
        })
    };
    let reading = {
        let ports = sale.ports.clone();
        tokio::spawn(async move {
            let mut before = 0;
            for _ in 0..40 {
                let sold: u64 = sold_in(&ports, all).await.values().sum();
                assert!(before <= sold, "{sold} after {before}");
                before = sold;
            }
        })
    };
    for reservation in &held {
        sale.paid(reservation).await;
    }
    adding.await.expect("the task that adds up");
    reading.await.expect("the reader");
    let sold = sold_in(&sale.ports, all).await;
    assert_eq!(sold.get(&sale.concert), Some(&10));
}

/// Forgetting removes counters of minutes and hours. Whole days stay, and so does everything
/// younger.
pub async fn forgetting_keeps_days_and_younger_counters<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let mut expected = ExpectedSales::default();
    sale.sell_for_a_week(&mut expected).await;
    while add_up(&sale.ports, 100).await > 0 {}
    let last = expected.0.iter().map(|(at, ..)| *at).max().expect("a sale");
    let before = Grain::Day.start(last);
    let counters = &sale.ports.ranking_counters;
    let mut forgotten = 0;
    loop {
        let gone = counters.forget(before, 3).await.expect("forget");
        assert!(gone <= 3, "{gone} of 3");
        forgotten += gone;
        if gone == 0 {
            break;
        }
    }
    assert!(forgotten >= 7, "{forgotten}");
    for span in (0..3).flat_map(|round| expected.spans(round)) {
        let good = |end: Timestamp| end >= before || Grain::Day.start(end) == end;
        if good(span.from) && good(span.to) {
            let sold = sold_in(&sale.ports, span).await;
            assert_eq!(sold, expected.sold_in(span), "{span:?}");
        }
    }
}
