use async_trait::async_trait;

use super::StoreResult;
use crate::model::{
    Amount, Applied, Balance, ConcertId, HoldRefusal, HoldRequest, Keyed, LedgerEntryId, Page,
    PageRequest, Reservation, ReservationId, ReservationState, UserId,
};

/// Reservations, from the hold to the payment.
///
/// - Called by: [`HoldSeats`](crate::use_cases::HoldSeats),
///   [`PayReservation`](crate::use_cases::PayReservation),
///   [`ReleaseHold`](crate::use_cases::ReleaseHold),
///   [`ShowReservations`](crate::use_cases::ShowReservations),
///   [`SweepHolds`](crate::use_cases::SweepHolds).
/// - Implemented by: `MySqlDatabase`, `SqliteDatabase`.
///
/// # Contract
/// - A seat is never held or sold twice. The seat's own row decides. A hold takes over a seat whose
///   hold has expired in the same statement.
/// - A user has at most [`SEATS_PER_USER_MAX`](crate::model::SEATS_PER_USER_MAX) live seats (held
///   or confirmed) in a performance, and at most one live hold in a concert. The database itself
///   enforces both.
/// - [`HoldRequest::decide`] decides the outcome of a hold and which refusal comes first.
/// - A hold has expired at its deadline, by the store's clock, for every reader and every call.
///   Sweeping only tidies up.
/// - A payment is one transaction: it checks that the hold is alive and the payer's own and that
///   the points suffice, writes the ledger row, sells the seats and stores the key. All or nothing.
///   A hold is alive until its own deadline, even if its performance has started meanwhile.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Reservations: Send + Sync {
    /// Holds the seats: all or none.
    async fn hold(&self, request: &HoldRequest) -> StoreResult<HoldOutcome>;

    /// Releases a user's held seats.
    async fn release(&self, id: ReservationId, user: &UserId) -> StoreResult<ReleaseOutcome>;

    /// Pays for a user's held seats.
    async fn pay(&self, request: &PaymentRequest) -> StoreResult<PayOutcome>;

    /// Returns a user's reservation. None if it does not exist or belongs to another user.
    async fn find(&self, id: ReservationId, user: &UserId) -> StoreResult<Option<Reservation>>;

    /// Returns a user's reservations, the newest first.
    async fn of_user(
        &self,
        user: &UserId,
        page: PageRequest<ReservationId>,
    ) -> StoreResult<Page<Reservation, ReservationId>>;

    /// Returns a concert's reservations, the oldest first.
    async fn of_concert(
        &self,
        concert: ConcertId,
        page: PageRequest<ReservationId>,
    ) -> StoreResult<Page<Reservation, ReservationId>>;

    /// Marks at most `limit` holds that are past their deadline as expired and frees their seats.
    /// Returns the number of those holds. Changes no other hold.
    async fn sweep(&self, limit: u32) -> StoreResult<u32>;
}

/// The outcome of a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldOutcome {
    /// The seats are held.
    Held(Reservation),
    /// The user holds these very seats already, by an earlier call. Nothing was changed.
    AlreadyHeld(Reservation),
    /// Nothing was changed.
    Refused(HoldRefusal),
}

/// The outcome of releasing seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseOutcome {
    /// The seats are free, by this call or an earlier one.
    Released,
    /// The reservation is paid, so it cannot be released.
    Confirmed,
    /// The hold had expired.
    Expired,
    /// There is no such reservation of this user.
    NotFound,
}

/// A payment to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRequest {
    /// The reservation to be paid.
    pub reservation: ReservationId,
    /// The user who pays. The reservation must be theirs.
    pub user: UserId,
    /// The concert for which the user passed the gate. The reservation must be in it.
    pub concert: ConcertId,
    /// The id of the ledger row.
    pub entry: LedgerEntryId,
    /// The client's key and the request that it stands for.
    pub keyed: Keyed,
}

/// A payment that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The confirmed reservation.
    pub reservation: Reservation,
    /// The amount that was taken.
    pub charged: Amount,
    /// The balance right after the payment.
    pub balance: Balance,
}

/// The outcome of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayOutcome {
    /// Paid by this call or by an earlier one with the same key.
    Paid(Applied<Paid>),
    /// The key was used for something else.
    KeyReused,
    /// Another call with the same key is under way.
    InProgress,
    /// There is no such reservation of this user.
    NotFound,
    /// The reservation is in another concert than the one for which the user passed the gate.
    OtherConcert,
    /// The reservation is not held: confirmed with another key, cancelled or expired.
    NotHeld(ReservationState),
    /// The user has too few points.
    NotEnoughPoints {
        /// The user's points.
        balance: Amount,
        /// The price of the seats.
        total: Amount,
    },
}
