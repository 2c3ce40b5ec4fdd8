//! Whether the rows about money and seats agree with each other.

mod accounts;
mod performances;

use jiff::Timestamp;

use super::{
    Account, Amount, Balance, LedgerReason, PerformanceId, Reservation, ReservationId, SeatLabel,
    UserId,
};

/// A user's balance and everything that the ledger has on it. A user without a balance has 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBooks {
    /// Whose it is.
    pub user: UserId,
    /// The balance and the number of the last entry.
    pub account: Account,
    /// The entries. Those with a number are in its order.
    pub entries: Vec<BookedEntry>,
    /// What was paid and is not there: reservations, or those of a performance that is not there.
    pub strays: Vec<ReservationId>,
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
    /// An entry's number or balance does not follow from the entry before.
    #[error(
        "account {user}: entry {seq}, with the balance {found}, does not follow from the one before"
    )]
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
    /// A payment is of nothing.
    #[error(
        "account {user}: has paid reservation {reservation}, which is not there or has no performance"
    )]
    Stray {
        /// Whose.
        user: UserId,
        /// What was paid.
        reservation: ReservationId,
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
