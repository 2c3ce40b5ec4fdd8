//! Whether the rows about money and seats agree with each other.

use std::collections::{HashMap, hash_map::Entry};

use jiff::Timestamp;

use super::{
    Account, Amount, Balance, LedgerReason, PerformanceId, Reservation, ReservationId,
    ReservationState, SeatLabel, UserId,
};

/// A user's balance and everything that the ledger has on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBooks {
    /// Whose it is.
    pub user: UserId,
    /// The balance and the number of the last entry.
    pub account: Account,
    /// The entries. Those with a number are in its order.
    pub entries: Vec<BookedEntry>,
}

/// A ledger entry as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookedEntry {
    /// Its number. None for entries from before they had any.
    pub seq: Option<u64>,
    /// Why the balance changed.
    pub reason: LedgerReason,
    /// By how much.
    pub amount: Amount,
    /// The balance after it.
    pub balance: Balance,
}

/// Everything that is written about the seats of a performance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerformanceRecords {
    /// Which one.
    pub id: PerformanceId,
    /// How many seats are sold, by the counters.
    pub seats_sold: u64,
    /// The seats that have a reservation.
    pub seats: Vec<TakenSeat>,
    /// The reservations that are written as held or confirmed, and all others that a seat or a payment
    /// names.
    pub reservations: Vec<Reservation>,
    /// The payments of its reservations.
    pub payments: Vec<BookedPayment>,
}

/// A seat that has a reservation, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenSeat {
    /// Which one.
    pub label: SeatLabel,
    /// Its reservation.
    pub reservation: ReservationId,
    /// Whose it is.
    pub user: UserId,
    /// Until when it is held. None for a sold seat.
    pub held_until: Option<Timestamp>,
}

/// A payment, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedPayment {
    /// What was paid.
    pub reservation: ReservationId,
    /// Who paid.
    pub user: UserId,
    /// How much.
    pub amount: Amount,
}

/// Rows that do not agree with each other. The text is one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// The ledger does not add up to the balance.
    #[error("account {user}: the balance is {balance}, the ledger adds up to {sum}")]
    Balance {
        /// Whose.
        user: UserId,
        /// The balance.
        balance: Amount,
        /// What the ledger adds up to, in minor units.
        sum: i64,
    },
    /// A balance does not follow from the one before.
    #[error("account {user}: entry {seq} leads to {found}, which does not follow from entry {}", seq - 1)]
    Order {
        /// Whose.
        user: UserId,
        /// The number of the entry.
        seq: u64,
        /// The balance that is written with it.
        found: Amount,
    },
    /// The account does not know its last entry.
    #[error("account {user}: its last entry is {last}, the ledger's is {found}")]
    LastEntry {
        /// Whose.
        user: UserId,
        /// The number that the account has.
        last: u64,
        /// The highest number in the ledger.
        found: u64,
    },
    /// A seat has a reservation that has not got the seat.
    #[error("performance {performance}, seat {label}: {why} (reservation {reservation})")]
    Seat {
        /// Of which performance.
        performance: PerformanceId,
        /// Which seat.
        label: SeatLabel,
        /// Its reservation.
        reservation: ReservationId,
        /// What is wrong.
        why: &'static str,
    },
    /// A reservation lacks something.
    #[error("performance {performance}, reservation {reservation}: {why}")]
    Reservation {
        /// Of which performance.
        performance: PerformanceId,
        /// Which one.
        reservation: ReservationId,
        /// What is wrong.
        why: &'static str,
    },
    /// The counters do not count the sold seats.
    #[error("performance {performance}: {counted} seats are counted as sold, {sold} are")]
    Counter {
        /// Which one.
        performance: PerformanceId,
        /// By the counters.
        counted: u64,
        /// By the seats.
        sold: u64,
    },
}

impl AccountBooks {
    /// Returns what does not agree.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let user = || self.user.clone();
        let mut found = Vec::new();
        let sum = self.entries.iter().map(BookedEntry::change).sum();
        let balance = self.account.balance.0;
        if sum != balance.minor_units() {
            found.push(Difference::Balance {
                user: user(),
                balance,
                sum,
            });
        }
        let mut numbered = self
            .entries
            .iter()
            .filter_map(|entry| entry.seq.map(|seq| (seq, entry)));
        let mut last = 0;
        if let Some((first_seq, first)) = numbered.next() {
            // What came before it may have no numbers.
            let (mut seq, mut balance) = (first_seq, first.balance.0.minor_units());
            last = seq;
            for (next_seq, entry) in numbered {
                balance += entry.change();
                if next_seq != seq + 1 || balance != entry.balance.0.minor_units() {
                    found.push(Difference::Order {
                        user: user(),
                        seq: next_seq,
                        found: entry.balance.0,
                    });
                }
                (seq, balance) = (next_seq, entry.balance.0.minor_units());
                last = seq;
            }
        }
        if last != self.account.last_seq {
            found.push(Difference::LastEntry {
                user: user(),
                last: self.account.last_seq,
                found: last,
            });
        }
        found
    }
}

impl BookedEntry {
    /// By how many minor units the balance changed.
    fn change(&self) -> i64 {
        match self.reason {
            LedgerReason::Charge => self.amount.minor_units(),
            LedgerReason::Payment(_) => -self.amount.minor_units(),
        }
    }
}

impl PerformanceRecords {
    /// Returns what does not agree.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let by_id: HashMap<_, _> = self
            .reservations
            .iter()
            .map(|reservation| (reservation.id, reservation))
            .collect();
        let mut seats_of: HashMap<ReservationId, usize> = HashMap::new();
        let mut found = Vec::new();
        let mut sold = 0;
        for seat in &self.seats {
            *seats_of.entry(seat.reservation).or_default() += 1;
            sold += u64::from(seat.held_until.is_none());
            if let Some(why) = seat.contradicts(by_id.get(&seat.reservation).copied()) {
                found.push(Difference::Seat {
                    performance: self.id,
                    label: seat.label.clone(),
                    reservation: seat.reservation,
                    why,
                });
            }
        }
        let (payments, twice) = self.payments_by_reservation();
        let mut wrong = |reservation, why| {
            found.push(Difference::Reservation {
                performance: self.id,
                reservation,
                why,
            });
        };
        for reservation in twice {
            wrong(reservation, "is paid more than once");
        }
        for reservation in &self.reservations {
            let seats = seats_of.get(&reservation.id).copied().unwrap_or_default();
            let payment = payments.get(&reservation.id).copied();
            if let Some(why) = contradiction(reservation, seats, payment) {
                wrong(reservation.id, why);
            }
        }
        for payment in payments.values() {
            if !by_id.contains_key(&payment.reservation) {
                wrong(payment.reservation, "is paid and not there");
            }
        }
        if sold != self.seats_sold {
            found.push(Difference::Counter {
                performance: self.id,
                counted: self.seats_sold,
                sold,
            });
        }
        found
    }

    /// The payment of each reservation, and the reservations that have more than one.
    fn payments_by_reservation(
        &self,
    ) -> (HashMap<ReservationId, &BookedPayment>, Vec<ReservationId>) {
        let mut payments = HashMap::new();
        let mut twice = Vec::new();
        for payment in &self.payments {
            match payments.entry(payment.reservation) {
                Entry::Vacant(place) => {
                    place.insert(payment);
                }
                Entry::Occupied(_) => twice.push(payment.reservation),
            }
        }
        (payments, twice)
    }
}

impl TakenSeat {
    /// How the seat contradicts its reservation. None where it does not.
    fn contradicts(&self, reservation: Option<&Reservation>) -> Option<&'static str> {
        let Some(reservation) = reservation else {
            return Some("its reservation is not there");
        };
        if reservation.user != self.user {
            return Some("its reservation is another user's");
        }
        if !reservation
            .seats
            .iter()
            .any(|seat| seat.label == self.label)
        {
            return Some("its reservation is of other seats");
        }
        match (reservation.state, self.held_until) {
            (ReservationState::Held { until }, Some(held_until)) if until == held_until => None,
            (ReservationState::Held { .. }, Some(_)) => Some("is held until another instant"),
            (ReservationState::Confirmed { .. }, None) => None,
            (ReservationState::Confirmed { .. }, Some(_)) => Some("is held and paid"),
            (ReservationState::Held { .. }, None) => Some("is sold and not paid"),
            (ReservationState::Cancelled | ReservationState::Expired, _) => {
                Some("its reservation has ended")
            }
        }
    }
}

/// How a reservation contradicts its seats and its payment. None where it does not.
fn contradiction(
    reservation: &Reservation,
    seats: usize,
    payment: Option<&BookedPayment>,
) -> Option<&'static str> {
    let prices = reservation.seats.iter().map(|seat| seat.price);
    if Amount::checked_sum(prices) != Some(reservation.total) {
        return Some("its total is not the sum of its seats");
    }
    let live = match reservation.state {
        ReservationState::Held { .. } | ReservationState::Confirmed { .. } => {
            reservation.seats.len()
        }
        ReservationState::Cancelled | ReservationState::Expired => 0,
    };
    // What an ended one still has is told seat by seat.
    if live > seats {
        return Some("has lost a seat");
    }
    match (reservation.state, payment) {
        (ReservationState::Confirmed { .. }, None) => Some("is confirmed and not paid"),
        (ReservationState::Confirmed { .. }, Some(payment)) => {
            if payment.user != reservation.user {
                Some("is paid by another user")
            } else if payment.amount != reservation.total {
                Some("is paid with another amount")
            } else {
                None
            }
        }
        (_, Some(_)) => Some("is paid and not confirmed"),
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{ConcertId, PricedSeat};

    const PERFORMANCE: PerformanceId = PerformanceId(Uuid::from_u128(1));
    const RESERVATION: ReservationId = ReservationId(Uuid::from_u128(2));

    fn amount(minor_units: i64) -> Amount {
        Amount::try_from(minor_units).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn user(name: &str) -> UserId {
        UserId::try_from(name).unwrap()
    }

    fn label(name: &str) -> SeatLabel {
        name.parse().unwrap()
    }

    fn entry(seq: Option<u64>, change: i64, balance: i64) -> BookedEntry {
        BookedEntry {
            seq,
            reason: if change > 0 {
                LedgerReason::Charge
            } else {
                LedgerReason::Payment(RESERVATION)
            },
            amount: amount(change.abs()),
            balance: Balance(amount(balance)),
        }
    }

    fn account(balance: i64, last_seq: u64, entries: &[BookedEntry]) -> Vec<String> {
        let books = AccountBooks {
            user: user("ann"),
            account: Account {
                balance: Balance(amount(balance)),
                last_seq,
            },
            entries: entries.to_vec(),
        };
        texts(&books.differences())
    }

    fn texts(differences: &[Difference]) -> Vec<String> {
        differences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn accounts_add_up_in_their_order() {
        let none: [&str; 0] = [];
        assert_eq!(account(0, 0, &[]), none);
        let charged = entry(Some(1), 5, 5);
        let paid = entry(Some(2), -2, 3);
        assert_eq!(account(3, 2, &[charged, paid]), none);
        assert_eq!(
            account(8, 1, &[entry(None, 3, 3), entry(Some(1), 5, 8)]),
            none
        );
        assert_eq!(
            account(4, 2, &[charged, paid]),
            ["account ann: the balance is 4, the ledger adds up to 3"]
        );
        assert_eq!(
            account(3, 2, &[charged, entry(Some(2), -2, 4)]),
            ["account ann: entry 2 leads to 4, which does not follow from entry 1"]
        );
        assert_eq!(
            account(3, 3, &[charged, entry(Some(3), -2, 3)]),
            ["account ann: entry 3 leads to 3, which does not follow from entry 2"]
        );
        assert_eq!(
            account(3, 1, &[charged, paid]),
            ["account ann: its last entry is 1, the ledger's is 2"]
        );
    }

    fn reservation(state: ReservationState) -> Reservation {
        Reservation {
            id: RESERVATION,
            user: user("ann"),
            concert: ConcertId(Uuid::nil()),
            performance: PERFORMANCE,
            seats: vec![PricedSeat {
                label: label("A-1"),
                price: amount(5),
            }],
            total: amount(5),
            state,
            ticket: None,
        }
    }

    fn records(state: ReservationState, held_until: Option<Timestamp>) -> PerformanceRecords {
        let paid = matches!(state, ReservationState::Confirmed { .. });
        let payment = BookedPayment {
            reservation: RESERVATION,
            user: user("ann"),
            amount: amount(5),
        };
        PerformanceRecords {
            id: PERFORMANCE,
            seats_sold: u64::from(held_until.is_none()),
            seats: vec![TakenSeat {
                label: label("A-1"),
                reservation: RESERVATION,
                user: user("ann"),
                held_until,
            }],
            reservations: vec![reservation(state)],
            payments: paid.then_some(payment).into_iter().collect(),
        }
    }

    fn confirmed() -> PerformanceRecords {
        records(ReservationState::Confirmed { at: at(1) }, None)
    }

    fn held() -> PerformanceRecords {
        records(ReservationState::Held { until: at(9) }, Some(at(9)))
    }

    /// What is said of `records` once they were spoiled, without the ids.
    fn said(mut records: PerformanceRecords, spoil: fn(&mut PerformanceRecords)) -> Vec<String> {
        spoil(&mut records);
        let tail = |text: String| text.split_once(": ").unwrap().1.to_owned();
        let without_id = |text: String| text.split(" (").next().unwrap_or_default().to_owned();
        let texts = texts(&records.differences()).into_iter();
        texts.map(tail).map(without_id).collect()
    }

    #[test]
    fn seats_reservations_and_payments_that_agree_are_not_named() {
        for agreeing in [confirmed(), held()] {
            assert_eq!(agreeing.differences(), []);
        }
    }

    #[test]
    fn every_contradiction_is_named() {
        type Case = (
            PerformanceRecords,
            fn(&mut PerformanceRecords),
            &'static [&'static str],
        );
        let cases: [Case; 13] = [
            (
                confirmed(),
                |it| it.payments.clear(),
                &["is confirmed and not paid"],
            ),
            (
                confirmed(),
                |it| it.payments.push(it.payments[0].clone()),
                &["is paid more than once"],
            ),
            (
                confirmed(),
                |it| it.payments[0].amount = amount(4),
                &["is paid with another amount"],
            ),
            (
                confirmed(),
                |it| it.payments[0].user = user("ben"),
                &["is paid by another user"],
            ),
            (
                confirmed(),
                |it| it.seats[0].held_until = Some(at(9)),
                &["is held and paid", "1 seats are counted as sold, 0 are"],
            ),
            (
                confirmed(),
                |it| it.seats.clear(),
                &["has lost a seat", "1 seats are counted as sold, 0 are"],
            ),
            (
                confirmed(),
                |it| it.seats_sold = 2,
                &["2 seats are counted as sold, 1 are"],
            ),
            (
                confirmed(),
                |it| it.reservations.clear(),
                &["its reservation is not there", "is paid and not there"],
            ),
            (
                held(),
                |it| it.seats[0].held_until = Some(at(8)),
                &["is held until another instant"],
            ),
            (
                held(),
                |it| it.seats[0].user = user("ben"),
                &["its reservation is another user's"],
            ),
            (
                held(),
                |it| it.reservations[0].state = ReservationState::Expired,
                &["its reservation has ended"],
            ),
            (
                held(),
                |it| it.reservations[0].total = amount(6),
                &["its total is not the sum of its seats"],
            ),
            (
                held(),
                |it| {
                    it.payments = confirmed().payments;
                },
                &["is paid and not confirmed"],
            ),
        ];
        for (records, spoil, expected) in cases {
            assert_eq!(said(records, spoil), expected);
        }
    }
}
