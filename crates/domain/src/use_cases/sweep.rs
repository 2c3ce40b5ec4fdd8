use std::sync::Arc;

use crate::{
    model::IdempotencyKey,
    ports::{Clock, Idempotency, Reservations, StoreResult},
};

/// How many rows one call of the database tidies at most.
const CHUNK: u32 = 500;
/// How many calls one run makes at most; what is left is done by the next.
const CHUNKS: usize = 100;

/// Tidies up holds that are over. Nobody sees them as held in any case.
pub struct SweepHolds {
    /// Where they are.
    pub reservations: Arc<dyn Reservations>,
}

/// Forgets idempotency keys that are too old to be repeated.
pub struct PurgeKeys {
    /// Where they are.
    pub idempotency: Arc<dyn Idempotency>,
    /// Says what is old.
    pub clock: Arc<dyn Clock>,
}

impl SweepHolds {
    /// Sweeps what is due; gives how many holds that were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run(&self) -> StoreResult<u64> {
        let mut swept = 0;
        for _ in 0..CHUNKS {
            let done = self.reservations.sweep(CHUNK).await?;
            swept += u64::from(done);
            if done < CHUNK {
                break;
            }
        }
        Ok(swept)
    }
}

impl PurgeKeys {
    /// Purges what is due; gives how many keys that were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run(&self) -> StoreResult<u64> {
        let now = self.clock.now();
        let before = now.checked_sub(IdempotencyKey::KEPT).unwrap_or(now);
        let mut purged = 0;
        for _ in 0..CHUNKS {
            let done = self.idempotency.purge(before, CHUNK).await?;
            purged += u64::from(done);
            if done < CHUNK {
                break;
            }
        }
        Ok(purged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ports::{MockIdempotency, MockReservations},
        use_cases::testing::*,
    };

    #[tokio::test]
    async fn a_sweep_goes_on_until_nothing_is_due() {
        let mut reservations = MockReservations::new();
        let mut due = 1_200_u32;
        reservations
            .expect_sweep()
            .times(3)
            .returning(move |limit| {
                let done = due.min(limit);
                due -= done;
                Ok(done)
            });
        let sweep = SweepHolds {
            reservations: Arc::new(reservations),
        };
        assert_eq!(sweep.run().await, Ok(1_200));
    }

    #[tokio::test]
    async fn keys_are_kept_for_a_day() {
        let mut idempotency = MockIdempotency::new();
        idempotency
            .expect_purge()
            .withf(|before, _| *before == at(100_000 - 86_400))
            .once()
            .returning(|_, _| Ok(3));
        let purge = PurgeKeys {
            idempotency: Arc::new(idempotency),
            clock: clock(100_000),
        };
        assert_eq!(purge.run().await, Ok(3));
    }
}
