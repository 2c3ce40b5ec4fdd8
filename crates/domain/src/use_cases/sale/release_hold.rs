use std::sync::Arc;

use crate::{
    model::{ReservationId, UserId},
    ports::{ReleaseOutcome, Reservations, StoreResult},
};

/// Releases the seats that a user holds. Their place in the queue stays: they may choose other
/// seats.
pub struct ReleaseHold {
    /// Where the seats are.
    pub reservations: Arc<dyn Reservations>,
}

impl ReleaseHold {
    /// Releases a reservation of `user`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release(&self, id: ReservationId, user: &UserId) -> StoreResult<ReleaseOutcome> {
        self.reservations.release(id, user).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ports::MockReservations, test_support::*};

    #[tokio::test]
    async fn a_release_is_the_users_own() {
        let mut reservations = MockReservations::new();
        reservations
            .expect_release()
            .withf(|id, user| *id == RESERVATION && *user == alice())
            .return_once(|_, _| Ok(ReleaseOutcome::Released));
        let release = ReleaseHold {
            reservations: Arc::new(reservations),
        };
        let outcome = release.release(RESERVATION, &alice()).await;
        assert_eq!(outcome, Ok(ReleaseOutcome::Released));
    }
}
