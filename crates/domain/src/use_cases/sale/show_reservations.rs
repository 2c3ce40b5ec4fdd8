use std::sync::Arc;

use crate::{
    model::{ConcertId, Page, PageRequest, Reservation, ReservationId, UserId},
    ports::{Reservations, StoreResult},
};

/// Returns reservations: to users their own, to operators those of a concert.
pub struct ShowReservations {
    /// Where the reservations are.
    pub reservations: Arc<dyn Reservations>,
}

impl ShowReservations {
    /// Returns a reservation of `user`. None if it does not exist or belongs to another user: the
    /// two must look the same.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find(&self, id: ReservationId, user: &UserId) -> StoreResult<Option<Reservation>> {
        self.reservations.find(id, user).await
    }

    /// Returns the reservations of `user`, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(
        &self,
        user: &UserId,
        page: PageRequest<ReservationId>,
    ) -> StoreResult<Page<Reservation, ReservationId>> {
        self.reservations.of_user(user, page).await
    }

    /// Returns the reservations of a concert, oldest first, for its operators.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of_concert(
        &self,
        concert: ConcertId,
        page: PageRequest<ReservationId>,
    ) -> StoreResult<Page<Reservation, ReservationId>> {
        self.reservations.of_concert(concert, page).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::ReservationState, ports::MockReservations, test_support::*};

    #[tokio::test]
    async fn users_see_only_their_own_reservations() {
        let own = reservation(ReservationState::Cancelled);
        let stored = own.clone();
        let mut reservations = MockReservations::new();
        reservations
            .expect_find()
            .returning(move |_, user| Ok((*user == alice()).then(|| stored.clone())));
        reservations.expect_of_user().returning(|_, page| {
            Ok(Page {
                items: Vec::new(),
                next: page.after,
            })
        });
        let show = ShowReservations {
            reservations: Arc::new(reservations),
        };
        assert_eq!(show.find(RESERVATION, &alice()).await, Ok(Some(own)));
        assert_eq!(show.find(RESERVATION, &bob()).await, Ok(None));
        let page = PageRequest {
            after: Some(RESERVATION),
            limit: 5,
        };
        let listed = show.list(&alice(), page).await.unwrap();
        assert_eq!(listed.next, Some(RESERVATION));
    }
}
