use std::sync::Arc;

use crate::ports::{Idempotency, Reservations, StoreResult};

/// How many rows one call of the database tidies at most.
const CHUNK: u32 = 500;
/// How many calls one run makes at most; what is left is done by the next.
const CHUNKS: usize = 100;

/// Tidies up holds that are over. Nobody sees them as held in any case.
pub struct SweepHolds {
    /// Where they are.
    pub reservations: Arc<dyn Reservations>,
}

/// Removes old idempotency keys whose repetition would cost nobody money or a seat.
pub struct PurgeKeys {
    /// Where they are.
    pub idempotency: Arc<dyn Idempotency>,
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
