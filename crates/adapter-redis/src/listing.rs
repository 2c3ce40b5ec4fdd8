//! The list of the queues that are busy.
//!
//! It is of all queues, so it is in no queue's slot, and no script can change it together with a queue.
//! Each queue counts how often it was listed and taken off: odd numbers mean listed. A number is never
//! used twice in the life of a queue, so what arrives late does no harm: an entry goes only where it has no later number, and a
//! queue takes itself for listed only after it was. What is left undone, because an instance dies between
//! the two, the next tick or the next join does again.

use deadpool_redis::redis::Cmd;
use frontrow_domain::{
    model::ConcertId,
    ports::{StoreError, StoreResult},
};

use crate::{
    calls::{Caller, Calls},
    errors::Effect,
    scripts,
};

impl Calls {
    /// Lists the queue of `concert` under this number. What was done there, a place taken or a seed, is good
    /// whether this works or not; where it does not, the next tick lists the queue.
    pub(crate) async fn try_to_list(&self, caller: Caller, concert: ConcertId, listing: i64) {
        if let Err(error) = self.list(caller, concert, listing).await {
            tracing::warn!(%concert, %error, "the queue is not listed as busy yet");
        }
    }

    /// Lists the queue of `concert` under this odd number.
    pub(crate) async fn list(
        &self,
        caller: Caller,
        concert: ConcertId,
        listing: i64,
    ) -> StoreResult<()> {
        let mut add = Cmd::new();
        add.arg("ZADD").arg(self.keys.busy()).arg("GT");
        add.arg(listing).arg(concert.to_string());
        let _: i64 = self.command(caller, &add, Effect::Writes).await?;
        let hash = [self.keys.queue_hash(concert)];
        let number = |call: &mut Cmd| {
            call.arg(listing);
        };
        self.on_keys(caller, &hash, &scripts::NOTE_LISTING, number)
            .await
    }

    /// Takes the queue of `concert` from the list, where it has no later number.
    pub(crate) async fn unlist(&self, concert: ConcertId, listing: i64) -> StoreResult<()> {
        let list = [self.keys.busy()];
        let entry = |call: &mut Cmd| {
            call.arg(concert.to_string()).arg(listing);
        };
        self.on_keys(Caller::Job, &list, &scripts::UNLIST, entry)
            .await
    }

    /// Takes a queue from the list that is there no more.
    pub(crate) async fn unlist_removed(&self, concert: ConcertId) -> StoreResult<()> {
        let mut remove = Cmd::new();
        remove.arg("ZREM").arg(self.keys.busy());
        remove.arg(concert.to_string());
        let _: i64 = self.command(Caller::Job, &remove, Effect::Writes).await?;
        Ok(())
    }

    /// The queues on the list.
    pub(crate) async fn listed(&self) -> StoreResult<Vec<ConcertId>> {
        let mut range = Cmd::new();
        range.arg("ZRANGE").arg(self.keys.busy());
        range.arg(0).arg(-1);
        let names: Vec<String> = self.command(Caller::Job, &range, Effect::Reads).await?;
        names
            .iter()
            .map(|name| name.parse())
            .collect::<Result<_, _>>()
            .map_err(|_| StoreError::not_applied("Redis lists a busy queue that is none"))
    }
}
