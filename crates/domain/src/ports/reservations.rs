use async_trait::async_trait;

use super::StoreResult;
use crate::model::{
    Amount, Applied, Balance, ConcertId, HoldRefusal, HoldRequest, Keyed, LedgerEntryId, Page,
    PageRequest, Reservation, ReservationId, ReservationState, UserId,
};

/// Reservations, from the hold to the payment.
///
/// # Contract
/// - A seat is never held or sold twice. The seat's own row decides, and a hold takes over a seat
///   whose hold is over in the same statement.
/// - A user has at most [`SEATS_PER_USER_MAX`](crate::model::SEATS_PER_USER_MAX) live seats (held or
///   confirmed) in a performance, and one live hold in a concert. The database itself keeps both.
/// - [`HoldRequest::decide`] says what comes of a hold and which refusal comes first.
/// - A hold is over at its end, by the store's clock, for every reader and every call; sweeping only
///   tidies up.
/// - Payment is one transaction: the hold alive and the payer's own, points enough, the ledger row,
///   the seats sold, the key remembered. All or nothing. A hold is alive until its own end, also where
///   its performance has started meanwhile.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Reservations: Send + Sync {
    /// Sets the seats aside: all or none.
    async fn hold(&self, request: &HoldRequest) -> StoreResult<HoldOutcome>;

    /// Gives a user's held seats back.
    async fn release(&self, id: ReservationId, user: &UserId) -> StoreResult<ReleaseOutcome>;

    /// Pays a user's held seats.
    async fn pay(&self, request: &PaymentRequest) -> StoreResult<PayOutcome>;

    /// A user's reservation; none where there is no such or it is somebody else's.
    async fn find(&self, id: ReservationId, user: &UserId) -> StoreResult<Option<Reservation>>;

    /// A user's reservations, the newest first.
    async fn of_user(
        &self,
        user: &UserId,
        page: PageRequest<ReservationId>,
    ) -> StoreResult<Page<Reservation, ReservationId>>;

    /// A concert's reservations, the oldest first.
    async fn of_concert(
        &self,
        concert: ConcertId,
        page: PageRequest<ReservationId>,
    ) -> StoreResult<Page<Reservation, ReservationId>>;

    /// Marks at most `limit` holds that are over as expired and frees their seats; gives how many.
    /// Touches nothing that is not over.
    async fn sweep(&self, limit: u32) -> StoreResult<u32>;
}

/// What came of a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldOutcome {
    /// The seats are set aside.
    Held(Reservation),
    /// The user holds these very seats already, by an earlier call; nothing was changed.
    AlreadyHeld(Reservation),
    /// Nothing was changed.
    Refused(HoldRefusal),
}

/// What came of giving seats back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseOutcome {
    /// The seats are free, by this call or an earlier one.
    Released,
    /// It is paid, so it cannot be given back.
    Confirmed,
    /// Its time had run out.
    Expired,
    /// There is no such reservation of this user.
    NotFound,
}

/// A payment to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRequest {
    /// What is paid.
    pub reservation: ReservationId,
    /// Who pays; the reservation must be theirs.
    pub user: UserId,
    /// The concert that the user was let in to; the reservation must be in it.
    pub concert: ConcertId,
    /// The name of the ledger row.
    pub entry: LedgerEntryId,
    /// The client's key and what it stands for.
    pub keyed: Keyed,
}

/// A payment that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The confirmed reservation.
    pub reservation: Reservation,
    /// What was taken.
    pub charged: Amount,
    /// What was left right after it.
    pub balance: Balance,
}

/// What came of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayOutcome {
    /// It is paid, by this call or by an earlier one with the same key.
    Paid(Applied<Paid>),
    /// The key was used for something else.
    KeyReused,
    /// Another call with the same key is under way.
    InProgress,
    /// There is no such reservation of this user.
    NotFound,
    /// The reservation is another concert's than the user was let in to.
    OtherConcert,
    /// It is not held: confirmed with another key, cancelled or expired.
    NotHeld(ReservationState),
    /// The user has too few points.
    NotEnoughPoints {
        /// What they have.
        balance: Amount,
        /// What the seats cost.
        total: Amount,
    },
}
