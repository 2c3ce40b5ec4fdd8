//! The steps in the life of a reservation, one file each.

pub(super) mod expire;
mod facts;
mod hold;
mod pay;
pub(super) mod read;
mod release;
mod sweep;

use async_trait::async_trait;
use frontrow_domain::{
    model::{ConcertId, HoldRequest, Page, PageRequest, Reservation, ReservationId, UserId},
    ports::{HoldOutcome, PayOutcome, PaymentRequest, ReleaseOutcome, Reservations, StoreResult},
};

use super::SqliteDatabase;

#[async_trait]
impl Reservations for SqliteDatabase {
    async fn hold(&self, request: &HoldRequest) -> StoreResult<HoldOutcome> {
        let request = request.clone();
        self.write(move |connection, now| hold::hold(connection, now, &request))
            .await
    }

    async fn release(&self, id: ReservationId, user: &UserId) -> StoreResult<ReleaseOutcome> {
        let user = user.clone();
        self.write(move |connection, now| release::release(connection, now, id, &user))
            .await
    }

    async fn pay(&self, request: &PaymentRequest) -> StoreResult<PayOutcome> {
        let request = request.clone();
        self.write(move |connection, now| pay::pay(connection, now, &request))
            .await
    }

    async fn find(&self, id: ReservationId, user: &UserId) -> StoreResult<Option<Reservation>> {
        let user = user.clone();
        self.read(move |connection, now| {
            let found = read::find(connection, id, &user)?;
            Ok(found.map(|reservation| reservation.seen_at(now)))
        })
        .await
    }

    async fn of_user(
        &self,
        user: &UserId,
        page: PageRequest<ReservationId>,
    ) -> StoreResult<Page<Reservation, ReservationId>> {
        let user = user.clone();
        self.read(move |connection, now| read::of_user(connection, now, &user, page))
            .await
    }

    async fn of_concert(
        &self,
        concert: ConcertId,
        page: PageRequest<ReservationId>,
    ) -> StoreResult<Page<Reservation, ReservationId>> {
        self.read(move |connection, now| read::of_concert(connection, now, concert, page))
            .await
    }

    async fn sweep(&self, limit: u32) -> StoreResult<u32> {
        self.write(move |connection, now| sweep::sweep(connection, now, limit))
            .await
    }
}
