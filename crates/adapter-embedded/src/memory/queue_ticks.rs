//! The port [`QueueTicks`] on the in-process queues.

use async_trait::async_trait;
use frontrow_domain::{
    model::{ConcertId, queue::Served},
    ports::{QueueTicks, Stamped, StoreResult, TickOutcome},
};

use super::queue::{MemoryQueue, lock};

#[async_trait]
impl QueueTicks for MemoryQueue {
    async fn busy(&self) -> StoreResult<Vec<ConcertId>> {
        let mut busy = self.all();
        busy.retain(|(_, queue)| lock(queue).is_busy());
        Ok(busy.into_iter().map(|(concert, _)| concert).collect())
    }

    async fn admit(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        let answer = self.visit(concert, |queue, now| queue.admit(limit, now));
        Ok(answer.map(|report| report.map_or(TickOutcome::NotSeeded, TickOutcome::Ticked)))
    }

    async fn expire(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        let answer = self.visit(concert, |queue, now| queue.expire(limit, now));
        Ok(answer.map(|report| report.map_or(TickOutcome::NotSeeded, TickOutcome::Ticked)))
    }

    async fn served(&self, concert: ConcertId) -> StoreResult<Stamped<Option<Served>>> {
        let answer = self.visit(concert, |queue, now| queue.served(now));
        Ok(answer.map(Option::flatten))
    }
}
