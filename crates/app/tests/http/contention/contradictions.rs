//! States that must never be in a database, for any race of requests.

use std::collections::{BTreeMap, HashMap};

use super::records::{Entry, Records, Reservation, Seat};

impl Records {
    /// Returns a description of each contradiction in the records. Empty if there are none.
    pub(super) fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.seats_of_two(&mut found);
        self.seats_astray(&mut found);
        self.unpaid_or_twice_paid(&mut found);
        self.charged_for_nothing(&mut found);
        self.wrong_balances(&mut found);
        self.wrong_counts(&mut found);
        found.sort();
        found
    }

    fn live(&self) -> impl Iterator<Item = &Reservation> {
        self.reservations.iter().filter(|one| one.is_live())
    }

    /// No two live reservations have the same seat.
    fn seats_of_two(&self, found: &mut Vec<String>) {
        let mut owners: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
        for reservation in self.live() {
            for (label, _) in reservation.seats() {
                let seat = (reservation.performance_id.as_str(), label);
                owners.entry(seat).or_default().push(&reservation.user_id);
            }
        }
        for ((_, label), mut users) in owners {
            users.sort_unstable();
            if users.len() > 1 {
                found.push(format!("{label} is reserved for {}", users.join(" and ")));
            }
        }
    }

    /// A live reservation has all of its seats, with the same deadline. No other reservation has
    /// seats.
    fn seats_astray(&self, found: &mut Vec<String>) {
        let mut seats: HashMap<&str, Vec<&Seat>> = HashMap::new();
        for seat in &self.seats {
            if let Some(reservation) = &seat.reservation_id {
                seats.entry(reservation).or_default().push(seat);
            }
        }
        for reservation in &self.reservations {
            let (user, state) = (&reservation.user_id, &reservation.state);
            let theirs = seats.remove(reservation.id.as_str()).unwrap_or_default();
            let mut labels: Vec<_> = theirs.iter().map(|seat| seat.label.clone()).collect();
            labels.sort();
            let mut promised: Vec<_> = reservation.seats().into_iter().map(|(at, _)| at).collect();
            promised.retain(|_| reservation.is_live());
            if labels != promised {
                found.push(format!("{user} {state} {promised:?} and has {labels:?}"));
            }
            for seat in theirs {
                let same_end = seat.held_until == reservation.held_until;
                if !same_end || seat.user_id.as_ref() != Some(user) {
                    found.push(format!(
                        "{user} {state} {}, which says otherwise",
                        seat.label
                    ));
                }
            }
        }
        for seat in seats.into_values().flatten() {
            found.push(format!(
                "{} is of a reservation that is not there",
                seat.label
            ));
        }
    }

    /// A confirmed reservation was paid once, by its user, for the price of its seats.
    fn unpaid_or_twice_paid(&self, found: &mut Vec<String>) {
        for reservation in &self.reservations {
            let (user, state) = (&reservation.user_id, &reservation.state);
            let price: i64 = reservation.seats().iter().map(|(_, price)| price).sum();
            if price != reservation.total {
                found.push(format!(
                    "{user} {state} seats of {price} for {}",
                    reservation.total
                ));
            }
            let payments = self.payments_of(reservation);
            let times = usize::from(state == "confirmed");
            if payments.len() != times {
                found.push(format!("{user} {state}, paid {} times", payments.len()));
            }
            for payment in payments {
                if payment.user_id != *user || payment.amount != price {
                    let (payer, amount) = (&payment.user_id, payment.amount);
                    found.push(format!(
                        "{payer} paid {amount} for {user}'s seats of {price}"
                    ));
                }
            }
        }
    }

    /// Every payment is for a reservation that exists.
    fn charged_for_nothing(&self, found: &mut Vec<String>) {
        for payment in &self.ledger {
            let Some(id) = &payment.reservation_id else {
                continue;
            };
            if !self.reservations.iter().any(|one| one.id == *id) {
                found.push(format!("{} paid for nothing", payment.user_id));
            }
        }
    }

    /// The ledger adds up to the balance, and each row begins where another one ended.
    fn wrong_balances(&self, found: &mut Vec<String>) {
        let mut ledgers: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for balance in &self.balances {
            ledgers.entry(&balance.user_id).or_default();
        }
        for entry in &self.ledger {
            ledgers.entry(&entry.user_id).or_default().push(entry);
        }
        for (user, ledger) in ledgers {
            let balance = self.balance(user);
            let sum: i64 = ledger.iter().map(|entry| entry.change()).sum();
            if sum != balance {
                found.push(format!("{user} has {balance} where the ledger has {sum}"));
            }
            let ends = ledger.iter().map(|entry| entry.balance_after);
            let mut ends: Vec<_> = ends.chain([0]).collect();
            let begins = ledger
                .iter()
                .map(|entry| entry.balance_after - entry.change());
            let mut begins: Vec<_> = begins.chain([balance]).collect();
            ends.sort_unstable();
            begins.sort_unstable();
            if ends != begins {
                found.push(format!("{user}'s ledger is no chain"));
            }
        }
    }

    /// The counter of sold seats equals the number of sold seats.
    fn wrong_counts(&self, found: &mut Vec<String>) {
        let mut apart: BTreeMap<&str, i64> = BTreeMap::new();
        for sales in &self.sales {
            *apart.entry(&sales.performance_id).or_default() += sales.counted;
        }
        for seat in &self.seats {
            if seat.reservation_id.is_some() && seat.held_until.is_none() {
                *apart.entry(&seat.performance_id).or_default() -= 1;
            }
        }
        for apart in apart.into_values().filter(|apart| *apart != 0) {
            found.push(format!("{apart} seats more were counted than are sold"));
        }
    }
}
