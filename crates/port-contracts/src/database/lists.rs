//! Reservations, listed page by page.

use frontrow_domain::model::{Page, PageRequest, Reservation, ReservationId, ReservationState};

use super::{DatabaseFixture, HOLD, TestSale, user};

type Reservations = Page<Reservation, ReservationId>;

impl<F: DatabaseFixture> TestSale<F> {
    async fn of_user(&self, name: &str, after: Option<ReservationId>, limit: u16) -> Reservations {
        let page = PageRequest { after, limit };
        let listed = self.ports.reservations.of_user(&user(name), page).await;
        listed.expect("of user")
    }

    async fn of_concert(&self, after: Option<ReservationId>, limit: u16) -> Reservations {
        let page = PageRequest { after, limit };
        let listed = self.ports.reservations.of_concert(self.concert, page).await;
        listed.expect("of concert")
    }

    /// Returns five reservations of a user, in all states, the oldest first.
    async fn five_of(&mut self, name: &str) -> Vec<Reservation> {
        let mut made = Vec::new();
        for labels in [&["A-1", "B-1"][..], &["A-2"]] {
            made.push(self.bought(name, labels).await);
        }
        for label in ["A-3", "B-3"] {
            let mut held = self.held(name, &[label]).await;
            self.release(name, held.id).await;
            held.state = ReservationState::Cancelled;
            made.push(held);
        }
        let mut over = self.held(name, &["A-5"]).await;
        self.pass(HOLD).await;
        over.state = ReservationState::Expired;
        made.push(over);
        made
    }
}

/// A user's list has only their reservations, complete, newest first.
pub async fn a_users_list_has_the_newest_first<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let mut made = sale.five_of("ann").await;
    sale.held("ben", &["A-6"]).await;
    made.reverse();
    let page = sale.of_user("ann", None, 100).await;
    assert_eq!(page.items, made);
    assert_eq!(page.next, None);
    assert_eq!(sale.of_user("cat", None, 100).await.items, []);
}

/// A concert's list has all its reservations, complete, oldest first.
pub async fn a_concerts_list_has_the_oldest_first<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let mut made = sale.five_of("ann").await;
    made.push(sale.held("ben", &["A-6"]).await);
    let concert = sale.concert;
    sale.concert = sale.add_concert("Second").await;
    sale.performance = sale.add_performance(sale.concert).await;
    sale.held("ben", &["A-1"]).await;
    sale.concert = concert;
    let page = sale.of_concert(None, 100).await;
    assert_eq!(page.items, made);
    assert_eq!(page.next, None);
}

/// The pages of a list have every item once and in order. The last page says that it is the last.
pub async fn pages_make_up_the_list<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let made: Vec<_> = sale.five_of("ann").await.iter().map(|one| one.id).collect();
    for limit in 1..=6 {
        let mut oldest_first = Vec::new();
        let mut newest_first = Vec::new();
        let (mut after, mut before) = (None, None);
        loop {
            let forwards = sale.of_concert(after, limit).await;
            let backwards = sale.of_user("ann", before, limit).await;
            assert!(forwards.items.len() <= usize::from(limit));
            oldest_first.extend(forwards.items.iter().map(|one| one.id));
            newest_first.extend(backwards.items.iter().map(|one| one.id));
            assert_eq!(forwards.next.is_some(), backwards.next.is_some());
            (after, before) = (forwards.next, backwards.next);
            if after.is_none() {
                break;
            }
            assert_eq!(forwards.items.len(), usize::from(limit));
        }
        assert_eq!(oldest_first, made, "limit {limit}");
        newest_first.reverse();
        assert_eq!(newest_first, made, "limit {limit}");
    }
}

/// Only its user finds a reservation.
pub async fn only_its_user_finds_a_reservation<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["A-1"]).await;
    let reservations = &sale.ports.reservations;
    let found = reservations.find(held.id, &user("ben")).await;
    assert_eq!(found.expect("find"), None);
    let found = reservations.find(sale.reservation_id(), &user("ann")).await;
    assert_eq!(found.expect("find"), None);
    let found = reservations.find(held.id, &user("ANN")).await;
    assert_eq!(found.expect("find"), None);
}
