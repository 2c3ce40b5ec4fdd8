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
    BoxOffice, DatabaseFixture, at_once,
    box_office::{DAY, far, long_ago},
};
use crate::DatabasePorts;

const TICK: SignedDuration = SignedDuration::from_micros(1);

/// Seats by concert.
type Sold = BTreeMap<ConcertId, u64>;

/// Expected sales, recorded beside the store.
#[derive(Default)]
struct Books(Vec<(Timestamp, ConcertId, u64)>);

impl Books {
    fn enter(&mut self, sold: &Reservation) {
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

    /// Instants at and around the sales, and the starts of their counters.
    fn instants(&self) -> Vec<Timestamp> {
        let mut instants = vec![long_ago(), far()];
        for (at, ..) in &self.0 {
            instants.extend([*at, *at + TICK]);
            instants.extend(Grain::ALL.map(|grain| grain.start(*at)));
        }
        instants
    }

    /// A third of the spans between any two of those instants, another third in each round, and the
    /// periods of some zones.
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

async fn agrees(ports: &DatabasePorts, books: &Books, round: usize) {
    for span in books.spans(round) {
        assert_eq!(sold_in(ports, span).await, books.sold_in(span), "{span:?}");
    }
}

async fn add_up(ports: &DatabasePorts, limit: u32) -> u32 {
    let added = ports.ranking_counters.add_up(limit).await.expect("add up");
    assert!(added <= limit, "{added} of {limit}");
    added
}

impl<F: DatabaseFixture> BoxOffice<F> {
    /// Sells seats of two concerts in the course of a week.
    async fn sell_for_a_week(&mut self, books: &mut Books) {
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
            books.enter(&self.bought(&format!("user-{number}"), seats).await);
        }
    }
}

/// Whatever was added up, and however often, every span has exactly what was confirmed in it, to
/// the microsecond.
pub async fn adding_up_changes_no_ranking<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let mut books = Books::default();
    office.sell_for_a_week(&mut books).await;
    agrees(&office.ports, &books, 0).await;
    add_up(&office.ports, 3).await;
    agrees(&office.ports, &books, 1).await;
    while add_up(&office.ports, 2).await > 0 {}
    agrees(&office.ports, &books, 2).await;
    books.enter(&office.bought("late", &["A-10"]).await);
    agrees(&office.ports, &books, 3).await;
    add_up(&office.ports, 100).await;
    assert_eq!(add_up(&office.ports, 100).await, 0);
    agrees(&office.ports, &books, 4).await;
}

/// Seats that are only held, were released or have expired are never added up.
pub async fn only_what_is_confirmed_is_added_up<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.held("ann", &["A-1"]).await;
    office.pass(super::HOLD).await;
    office.sweep(10).await;
    let released = office.held("ben", &["A-2"]).await;
    office.release("ben", released.id).await;
    office.held("cat", &["A-3"]).await;
    assert_eq!(add_up(&office.ports, 10).await, 0);
    let all = Span {
        from: long_ago(),
        to: far(),
    };
    assert_eq!(sold_in(&office.ports, all).await, Sold::new());
}

/// If many callers add up at once, each seat still counts once.
pub async fn many_who_add_up_at_once_count_each_seat_once<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let mut books = Books::default();
    for number in 1..=10 {
        let (first, second) = (format!("A-{number}"), format!("B-{number}"));
        let user = format!("user-{number}");
        books.enter(&office.bought(&user, &[&first]).await);
        books.enter(&office.bought(&user, &[&second]).await);
    }
    let adding = (0..6).map(|_| {
        let ports = office.ports.clone();
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
    agrees(&office.ports, &books, 0).await;
}

/// A reader that runs while others sell and add up sees each seat once from its sale on: the sum
/// never falls.
pub async fn a_ranking_is_whole_while_others_sell_and_add_up<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let mut held = Vec::new();
    for number in 1..=10 {
        let user = format!("user-{number}");
        office.charged(&user, 100).await;
        held.push(office.held(&user, &[&format!("A-{number}")]).await);
    }
    let all = Span {
        from: long_ago(),
        to: far(),
    };
    let adding = {
        let ports = office.ports.clone();
        tokio::spawn(async move {
            for _ in 0..40 {
                add_up(&ports, 1).await;
            }
        })
    };
    let reading = {
        let ports = office.ports.clone();
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
        office.paid(reservation).await;
    }
    adding.await.expect("those who add up");
    reading.await.expect("those who read");
    let sold = sold_in(&office.ports, all).await;
    assert_eq!(sold.get(&office.concert), Some(&10));
}

/// Forgetting removes counters of minutes and hours. Whole days stay, and so does everything
/// younger.
pub async fn forgetting_keeps_days_and_what_is_younger<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let mut books = Books::default();
    office.sell_for_a_week(&mut books).await;
    while add_up(&office.ports, 100).await > 0 {}
    let last = books.0.iter().map(|(at, ..)| *at).max().expect("a sale");
    let before = Grain::Day.start(last);
    let counters = &office.ports.ranking_counters;
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
    for span in (0..3).flat_map(|round| books.spans(round)) {
        let good = |end: Timestamp| end >= before || Grain::Day.start(end) == end;
        if good(span.from) && good(span.to) {
            let sold = sold_in(&office.ports, span).await;
            assert_eq!(sold, books.sold_in(span), "{span:?}");
        }
    }
}
