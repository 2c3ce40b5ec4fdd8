//! The adapters of the system's clock, timers and randomness.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use frontrow_domain::{
    model::{ConcertId, LedgerEntryId, PerformanceId, ReservationId, micros, queue::Generation},
    ports::{Clock, Ids, Timer},
};
use jiff::Timestamp;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use uuid::{ContextV7, Uuid};

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the clock that everything else is given"
        )]
        let now = Timestamp::now();
        micros(now)
    }
}

/// The runtime's timers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemTimer;

#[async_trait]
impl Timer for SystemTimer {
    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

/// Ids from the system's clock and its secure source of randomness.
#[derive(Debug)]
pub(crate) struct SystemIds {
    clock: SystemClock,
    /// Keeps the ids of one process in the order of their creation, also within one millisecond.
    context: Mutex<ContextV7>,
}

impl Default for SystemIds {
    fn default() -> Self {
        Self {
            clock: SystemClock,
            context: Mutex::new(ContextV7::new()),
        }
    }
}

impl SystemIds {
    fn uuid(&self) -> Uuid {
        let now = self.clock.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(&self.context, seconds, nanos))
    }
}

impl Ids for SystemIds {
    fn concert(&self) -> ConcertId {
        ConcertId(self.uuid())
    }

    fn performance(&self) -> PerformanceId {
        PerformanceId(self.uuid())
    }

    fn reservation(&self) -> ReservationId {
        ReservationId(self.uuid())
    }

    fn ledger_entry(&self) -> LedgerEntryId {
        LedgerEntryId(self.uuid())
    }

    fn generation(&self) -> Generation {
        Generation(self.random())
    }

    fn random(&self) -> u64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the randomness that everything else is given"
        )]
        let random = Uuid::new_v4();
        // The low half of a version 4 UUID is 2 fixed and 62 random bits.
        random.as_u64_pair().1
    }
}

/// Raises the limit of open files, which include connections, to the hard limit. Returns the limit.
///
/// Shells and service managers start programs with a limit of 1,024 for the sake of old programs.
pub(crate) fn raise_open_files() -> u64 {
    const USUAL: u64 = 1_024;
    let kind = Resource::RLIMIT_NOFILE;
    let Ok((soft, hard)) = getrlimit(kind) else {
        return USUAL;
    };
    setrlimit(kind, hard, hard).map_or(soft, |()| hard)
}
