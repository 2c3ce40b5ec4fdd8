use std::sync::Arc;

use crate::ports::{Idempotency, Reservations, StoreResult};

/// The maximum number of rows that one call of the database changes.
const CHUNK: u32 = 500;
/// The maximum number of calls in one run. The next run does the rest.
const CHUNKS: usize = 100;

/// Cleans up expired holds. Every reader already sees them as expired.
pub struct SweepHolds {
    /// The database.
    pub reservations: Arc<dyn Reservations>,
}

/// Removes old idempotency keys of operations that move neither money nor seats: if such a request
/// is repeated after that, no user loses anything.
pub struct PurgeKeys {
    /// The database.
    pub idempotency: Arc<dyn Idempotency>,
}

impl SweepHolds {
    /// Sweeps the holds that are due. Returns how many there were.
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
    /// Purges the keys that are due. Returns how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run(&self) -> StoreResult<u64> {
        let mut purged = 0;
        for _ in 0..CHUNKS {
            let done = self.idempotency.purge(CHUNK).await?;
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
    use crate::ports::{MockIdempotency, MockReservations};

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
    async fn a_purge_goes_on_until_nothing_is_due() {
        let mut idempotency = MockIdempotency::new();
        let mut due = 700_u32;
        idempotency.expect_purge().times(2).returning(move |limit| {
            let done = due.min(limit);
            due -= done;
            Ok(done)
        });
        let purge = PurgeKeys {
            idempotency: Arc::new(idempotency),
        };
        assert_eq!(purge.run().await, Ok(700));
    }
}
