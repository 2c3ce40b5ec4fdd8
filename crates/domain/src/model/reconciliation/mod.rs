//! The check that the rows about money and seats agree with each other.

mod accounts;
mod performances;

use jiff::Timestamp;

use super::{
    Account, Amount, Balance, LedgerReason, PerformanceId, Reservation, ReservationId, SeatLabel,
    UserId,
};

/// A user's balance and all ledger entries of the user. A user without a balance has 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBooks {
    /// The user.
    pub user: UserId,
    /// The balance and the number of the last entry.
    pub account: Account,
    /// The entries. Those with a number are in the order of their numbers.
    pub entries: Vec<BookedEntry>,
    /// Paid reservations that do not exist, or whose performance does not exist.
    pub strays: Vec<ReservationId>,
}

/// A ledger entry as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookedEntry {
    /// Its number. None for entries from before entries had numbers.
    pub seq: Option<u64>,
    /// Why the balance changed.
    pub reason: LedgerReason,
    /// The amount of the change.
    pub amount: Amount,
    /// The balance after the change.
    pub balance: Balance,
}

/// Everything that is stored about the seats of a performance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerformanceRecords {
    /// The performance.
    pub id: PerformanceId,
    /// Number of sold seats, by the counters.
    pub seats_sold: u64,
    /// The seats that have a reservation.
    pub seats: Vec<TakenSeat>,
    /// The reservations that are stored as held or confirmed, and all others that a seat or a
    /// payment names.
    pub reservations: Vec<Reservation>,
    /// The payments of its reservations.
    pub payments: Vec<BookedPayment>,
}

/// A seat that has a reservation, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenSeat {
    /// The label of the seat.
    pub label: SeatLabel,
    /// Its reservation.
    pub reservation: ReservationId,
    /// The user who has the seat.
    pub user: UserId,
    /// Until when it is held. None for a sold seat.
    pub held_until: Option<Timestamp>,
}

/// A payment, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedPayment {
    /// The paid reservation.
    pub reservation: ReservationId,
    /// The user who paid.
    pub user: UserId,
    /// The paid amount.
    pub amount: Amount,
}

/// A difference: rows that do not agree with each other. The text is one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// The ledger does not add up to the balance.
    #[error("account {user}: the balance is {balance}, the ledger adds up to {sum}")]
    Balance {
        /// The user of the account.
        user: UserId,
        /// The balance.
        balance: Amount,
        /// The sum of the ledger, in minor units.
        sum: i64,
    },
    /// An entry's number or balance does not follow from the previous entry.
    #[error(
        "account {user}: entry {seq}, with the balance {found}, does not follow from the one before"
    )]
    Order {
        /// The user of the account.
        user: UserId,
        /// The number of the entry.
        seq: u64,
        /// The balance that is stored with it.
        found: Amount,
    },
    /// The account does not have the number of its last entry.
    #[error("account {user}: its last entry is {last}, the ledger's is {found}")]
    LastEntry {
        /// The user of the account.
        user: UserId,
        /// The number that the account has.
        last: u64,
        /// The highest number in the ledger.
        found: u64,
    },
    /// A payment is for a reservation that does not exist or has no performance.
    #[error(
        "account {user}: paid for reservation {reservation}, which is missing or has no performance"
    )]
    Stray {
        /// The user of the account.
        user: UserId,
        /// The paid reservation.
        reservation: ReservationId,
    },
    /// A seat contradicts its reservation.
    #[error("performance {performance}, seat {label}: {why} (reservation {reservation})")]
    Seat {
        /// The performance.
        performance: PerformanceId,
        /// The label of the seat.
        label: SeatLabel,
        /// Its reservation.
        reservation: ReservationId,
        /// The contradiction.
        why: &'static str,
    },
    /// A reservation contradicts its seats or its payment.
    #[error("performance {performance}, reservation {reservation}: {why}")]
    Reservation {
        /// The performance.
        performance: PerformanceId,
        /// The reservation.
        reservation: ReservationId,
        /// The contradiction.
        why: &'static str,
    },
    /// The counters do not have the number of sold seats.
    #[error("performance {performance}: {counted} seats are counted as sold, {sold} are")]
    Counter {
        /// The performance.
        performance: PerformanceId,
        /// Number of sold seats by the counters.
        counted: u64,
        /// Number of sold seats by the seats.
        sold: u64,
    },
}
