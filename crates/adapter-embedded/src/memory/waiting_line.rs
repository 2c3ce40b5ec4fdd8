//! The lines of the in-process queues, looked at as a whole.

use async_trait::async_trait;
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{Line, LineMark, SignOfLife},
    },
    ports::{HeardOutcome, LineOutcome, Stamped, StoreResult, WaitingLine},
};
use jiff::Timestamp;

use super::{queue::MemoryQueue, state::QueueState};

impl QueueState {
    /// How the line stands, and who has left it since `mark`.
    fn line(&self, mark: Option<LineMark>, now: Timestamp) -> Line {
        let (waiting, _) = self.counts(now);
        Line {
            generation: self.generation,
            policy_version: self.terms.version(),
            waiting_ttl: self.terms.policy().waiting_ttl,
            queue: self.view(now),
            takes_people_back: self.takes_people_back(now),
            waiting: waiting as u64,
            admitted: self.admitted,
            admitted_up_to: self.admitted_up_to,
            mark: self.leavers.mark(self.generation),
            left: self.leavers.since(mark, self.generation),
        }
    }

    /// Notes signs of life of those who wait.
    fn heard_of(&mut self, signs: &[SignOfLife], now: Timestamp) {
        for sign in signs {
            self.waiting.heard_before(sign, now);
        }
    }
}

#[async_trait]
impl WaitingLine for MemoryQueue {
    async fn look(
        &self,
        concert: ConcertId,
        since: Option<LineMark>,
    ) -> StoreResult<Stamped<LineOutcome>> {
        let answer = self
            .visit(concert, |queue, now| queue.line(since, now))
            .await;
        Ok(answer.map(|line| line.map_or(LineOutcome::NotSeeded, LineOutcome::Seen)))
    }

    async fn heard_of(
        &self,
        concert: ConcertId,
        signs: &[SignOfLife],
    ) -> StoreResult<Stamped<HeardOutcome>> {
        let answer = self
            .visit(concert, |queue, now| queue.heard_of(signs, now))
            .await;
        Ok(answer.map(|noted| noted.map_or(HeardOutcome::NotSeeded, |()| HeardOutcome::Noted)))
    }
}
