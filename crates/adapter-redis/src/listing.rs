//! The list of busy queues: those in which users have a place or may re-enter.
//!
//! The list covers all queues, so it is in no queue's slot, and no script can change it together
//! with a queue. Each queue numbers its entries: an odd number means listed. The numbers start at
//! the instant at which the store was seeded with the queue, so no number is used twice, even if
//! the keys of a queue were lost and the list was not. So a late call does no harm: an entry is
//! removed only if it has no later number, and a queue counts as listed only after it was listed.
//! If an instance dies between the two steps, the next tick or the next join repeats them.
//!
//! A tick compares its queue with the list as it was last read, a moment before, and calls the
//! server only if the two differ.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use deadpool_redis::redis::Cmd;
use frontrow_domain::{model::ConcertId, ports::StoreResult};

use crate::{
    errors::Effect,
    script_runner::{Caller, ScriptRunner},
    scripts,
};

/// Maximum number of bytes of an unreadable entry in a log line.
const LOGGED_BYTES_MAX: usize = 64;

/// The list as this instance last read it, with its own changes since.
#[derive(Debug, Clone, Default)]
pub(crate) struct BusyList {
    numbers: Arc<Mutex<HashMap<ConcertId, i64>>>,
    /// True once an unreadable entry was logged.
    warned: Arc<AtomicBool>,
}

impl BusyList {
    /// Returns the number under which the queue of `concert` is listed. None if it is not listed.
    fn number(&self, concert: ConcertId) -> Option<i64> {
        self.lock().get(&concert).copied()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConcertId, i64>> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of a queue after a tick, as far as the list needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticked {
    /// True if no user has a place or can re-enter after a loss of the queue.
    pub(crate) idle: bool,
    /// The number of the queue's entry: odd while it is listed.
    pub(crate) number: i64,
    /// True if the queue became idle by this tick.
    pub(crate) became_idle: bool,
}

impl ScriptRunner {
    /// Lists the queue of `concert` under this number. Only logs a failure: the join or seed before
    /// it was applied either way, and the next join or tick lists the queue.
    pub(crate) async fn try_to_list(&self, caller: Caller, concert: ConcertId, listing: i64) {
        if let Err(error) = self.list(caller, concert, listing).await {
            tracing::warn!(%concert, %error, "failed to list a queue as busy; its next tick retries");
        }
    }

    /// Lists the queue of `concert` under this odd number.
    async fn list(&self, caller: Caller, concert: ConcertId, listing: i64) -> StoreResult<()> {
        let mut add = Cmd::new();
        add.arg("ZADD").arg(self.keys.busy()).arg("GT");
        add.arg(listing).arg(concert.to_string());
        let _: i64 = self.run_command(caller, &add, Effect::Writes).await?;
        let hash = [self.keys.queue_hash(concert)];
        let number = |call: &mut Cmd| {
            call.arg(listing);
        };
        self.run_on_keys(caller, &hash, &scripts::NOTE_LISTING, number)
            .await?;
        self.busy.lock().insert(concert, listing);
        Ok(())
    }

    /// Corrects the list after a tick of the queue of `concert`.
    pub(crate) async fn list_after_tick(
        &self,
        concert: ConcertId,
        ticked: Ticked,
    ) -> StoreResult<()> {
        let listed = self.busy.number(concert);
        if !ticked.idle {
            // An odd number says that the entry was made. It may have been lost since.
            let number = ticked.number | 1;
            if ticked.number == number && listed.is_some_and(|listed| listed >= number) {
                return Ok(());
            }
            return self.list(Caller::Job, concert, number).await;
        }
        match listed {
            // This queue never had this number. It belongs to a lost queue of this concert that was
            // seeded while the clock was ahead.
            Some(listed) if listed > ticked.number + 1 => self.unlist(concert, listed).await,
            Some(_) => self.unlist(concert, ticked.number).await,
            None if ticked.became_idle => self.unlist(concert, ticked.number).await,
            None => Ok(()),
        }
    }

    /// Removes a queue that the store does not have from the list, unless it was seeded and listed
    /// since the list was read.
    pub(crate) async fn unlist_unknown(&self, concert: ConcertId) -> StoreResult<()> {
        match self.busy.number(concert) {
            Some(listed) => self.unlist(concert, listed).await,
            None => Ok(()),
        }
    }

    /// Removes the queue of `concert` from the list, unless it has a later number there.
    async fn unlist(&self, concert: ConcertId, listing: i64) -> StoreResult<()> {
        let list = [self.keys.busy()];
        let entry = |call: &mut Cmd| {
            call.arg(concert.to_string()).arg(listing);
        };
        self.run_on_keys(Caller::Job, &list, &scripts::UNLIST, entry)
            .await?;
        self.busy.lock().remove(&concert);
        Ok(())
    }

    /// Removes the queue of `concert` from the list, after its keys were removed.
    pub(crate) async fn unlist_removed(&self, concert: ConcertId) -> StoreResult<()> {
        let mut remove = Cmd::new();
        remove.arg("ZREM").arg(self.keys.busy());
        remove.arg(concert.to_string());
        let _: i64 = self
            .run_command(Caller::Job, &remove, Effect::Writes)
            .await?;
        self.busy.lock().remove(&concert);
        Ok(())
    }

    /// Returns the queues on the list. Skips unreadable entries and leaves them in the list.
    pub(crate) async fn read_list(&self) -> StoreResult<Vec<ConcertId>> {
        let mut range = Cmd::new();
        range.arg("ZRANGE").arg(self.keys.busy());
        range.arg(0).arg(-1).arg("WITHSCORES");
        let entries: Vec<(Vec<u8>, f64)> =
            self.run_command(Caller::Job, &range, Effect::Reads).await?;
        let mut numbers = HashMap::with_capacity(entries.len());
        for (name, number) in entries {
            match concert(&name) {
                Some(concert) => {
                    numbers.insert(concert, whole_number(number));
                }
                None if !self.busy.warned.swap(true, Ordering::Relaxed) => {
                    let entry = name.get(..LOGGED_BYTES_MAX).unwrap_or(&name).escape_ascii();
                    tracing::warn!(%entry,
                        "skipped an entry in the list of busy queues that is no concert id");
                }
                None => {}
            }
        }
        let concerts = numbers.keys().copied().collect();
        *self.busy.lock() = numbers;
        Ok(concerts)
    }
}

/// Returns the concert of an entry. None unless the entry is a concert id as this program writes
/// it.
fn concert(name: &[u8]) -> Option<ConcertId> {
    let name = str::from_utf8(name).ok()?;
    let concert: ConcertId = name.parse().ok()?;
    (concert.to_string() == name).then_some(concert)
}

/// Returns the number of an entry. The numbers that this program writes are whole and far below
/// 2^53.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a number of another program may be anything"
)]
fn whole_number(number: f64) -> i64 {
    number as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_entry_that_this_program_writes_is_a_concert() {
        let name = "0198c0de-0000-7000-8000-000000000001";
        assert_eq!(concert(name.as_bytes()).unwrap().to_string(), name);
        for other in ["", "typo", &name.replace('-', ""), &name.to_uppercase()] {
            assert_eq!(concert(other.as_bytes()), None, "{other}");
        }
        assert_eq!(concert(b"\xff\xfe"), None);
    }
}
