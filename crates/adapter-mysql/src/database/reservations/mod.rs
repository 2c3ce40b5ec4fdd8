//! The steps in the life of a reservation, one file each.
//!
//! Every step first reads, without a lock and in one statement, and refuses what it must. Under
//! load most requests get no further. Then it begins a transaction in which every statement checks
//! its preconditions. If one fails, another call was faster: everything is rolled back, and the
//! step reads again. (Points that have changed are locked instead: their user may change them all
//! the time.)
//!
//! Rows are locked in one order: the key, the balance, the reservation (an expired hold in the way
//! before the new one), the seats by their primary key, the ledger, the sales.

pub(super) mod expire;
mod facts;
mod hold;
mod pay;
pub(super) mod read;
mod release;
mod sweep;
mod take;

use async_trait::async_trait;
use frontrow_domain::{
    model::{ConcertId, HoldRequest, Page, PageRequest, Reservation, ReservationId, UserId},
    ports::{HoldOutcome, PayOutcome, PaymentRequest, ReleaseOutcome, Reservations, StoreResult},
};
use futures_util::{FutureExt, TryFutureExt};

use super::MySqlDatabase;
use crate::transactions::Verdict;

#[async_trait]
impl Reservations for MySqlDatabase {
    async fn hold(&self, request: &HoldRequest) -> StoreResult<HoldOutcome> {
        self.call(request.clone(), |session, request| {
            hold::hold(session, request).boxed()
        })
        .await
    }

    async fn release(&self, id: ReservationId, user: &UserId) -> StoreResult<ReleaseOutcome> {
        self.call((id, user.clone()), |session, (id, user)| {
            release::release(session, *id, user).boxed()
        })
        .await
    }

    async fn pay(&self, request: &PaymentRequest) -> StoreResult<PayOutcome> {
        self.call(request.clone(), |session, request| {
            pay::pay(session, request).boxed()
        })
        .await
    }

    async fn find(&self, id: ReservationId, user: &UserId) -> StoreResult<Option<Reservation>> {
        self.call((id, user.clone()), |session, (id, user)| {
            let found = read::find(session, *id, user);
            let seen = found.map_ok(|found| {
                Verdict::Commit(found.map(|(reservation, now)| reservation.seen_at(now)))
            });
            seen.boxed()
        })
        .await
    }

    async fn of_user(
        &self,
        user: &UserId,
        page: PageRequest<ReservationId>,
    ) -> StoreResult<Page<Reservation, ReservationId>> {
        self.call((user.clone(), page), |session, (user, page)| {
            read::of_user(session, user, *page)
                .map_ok(Verdict::Commit)
                .boxed()
        })
        .await
    }

    async fn of_concert(
        &self,
        concert: ConcertId,
        page: PageRequest<ReservationId>,
    ) -> StoreResult<Page<Reservation, ReservationId>> {
        self.call((concert, page), |session, (concert, page)| {
            read::of_concert(session, *concert, *page)
                .map_ok(Verdict::Commit)
                .boxed()
        })
        .await
    }

    async fn sweep(&self, limit: u32) -> StoreResult<u32> {
        let mut swept = 0;
        while swept < limit {
            let chunk = sweep::HOLDS_A_TRANSACTION.min(limit - swept);
            let expired = self.call(chunk, |session, limit| {
                sweep::sweep(session, *limit).boxed()
            });
            let expired = expired.await?;
            swept += expired;
            if expired < chunk {
                break;
            }
        }
        Ok(swept)
    }
}
