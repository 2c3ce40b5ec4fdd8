//! The calls of a sequence, made to the store and to the model.

use frontrow_domain::{
    model::queue::{GatePurpose, JoinRefusal, PolicyVersion, SaleState, Served},
    ports::{GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, TickOutcome},
};

use super::{
    run_queue::{Run, Stop, user_id},
    steps::Shown,
};
use crate::{
    fixture::counted,
    queue::{ALL, QueueFixture},
};

impl<F: QueueFixture> Run<'_, F> {
    pub(super) async fn join(&mut self, user: usize, shows: Option<usize>) -> Result<(), Stop> {
        let ticket = shows.map(|age| self.ticket_of(user, age));
        let id = user_id(user);
        let answer = self.ports.queue.join(self.concert, &id, ticket.clone());
        let answer = answer.await?;
        let (now, positions) = (answer.as_of, self.positions);
        self.arrive(now)?;
        if let JoinOutcome::Joined(place) | JoinOutcome::Held(place) = &answer.value {
            self.keep(user, &place.ticket);
        }
        let Some(queue) = self.queue() else {
            return self.agree(&JoinOutcome::NotSeeded, &answer.value);
        };
        let full = matches!(answer.value, JoinOutcome::Refused(JoinRefusal::Full, _));
        if full && queue.may_seem_full(positions, now) {
            // Expired places may fill the line until a tick has removed them.
            queue.try_room(now);
            let view = queue.view(now);
            let expected = JoinOutcome::Refused(JoinRefusal::Full, view);
            return self.agree(&expected, &answer.value);
        }
        let expected = queue.join(now, &id, ticket.as_ref());
        let answer = queue.corrected_join(answer.value, positions, now);
        self.agree(&expected, &answer)
    }

    pub(super) async fn look_up(&mut self, shown: Shown) -> Result<(), Stop> {
        let ticket = self.ticket_of(shown.user, shown.age);
        let answer = self.ports.queue.look_up(&ticket).await?;
        let (now, positions) = (answer.as_of, self.positions);
        self.arrive(now)?;
        if let LookUpOutcome::Found(place) = &answer.value {
            self.keep(shown.user, &place.ticket);
        }
        let Some(queue) = self.queue() else {
            return self.agree(&LookUpOutcome::NotSeeded, &answer.value);
        };
        let expected = queue.look_up(now, &ticket);
        let answer = queue.corrected_look_up(answer.value, positions, now);
        self.agree(&expected, &answer)
    }

    pub(super) async fn gate(&mut self, shown: Shown, purpose: GatePurpose) -> Result<(), Stop> {
        let ticket = self.ticket_of(shown.user, shown.age);
        let answer = self.ports.queue.pass_gate(&ticket, purpose).await?;
        let (now, positions) = (answer.as_of, self.positions);
        self.arrive(now)?;
        let Some(queue) = self.queue() else {
            return self.agree(&GateOutcome::NotSeeded, &answer.value);
        };
        let expected = queue.pass_gate(now, &ticket, purpose);
        let answer = queue.corrected_gate(answer.value, positions, now);
        self.agree(&expected, &answer)
    }

    pub(super) async fn leave(&mut self, shown: Shown) -> Result<(), Stop> {
        let ticket = self.ticket_of(shown.user, shown.age);
        let answer = self.ports.queue.leave(&ticket).await?;
        self.arrive(answer.as_of)?;
        let Some(queue) = self.queue() else {
            return self.agree(&LeaveOutcome::NotSeeded, &answer.value);
        };
        let expected = queue.leave(answer.as_of, &ticket);
        self.agree(&expected, &answer.value)
    }

    pub(super) async fn admit(&mut self, limit: u32) -> Result<(), Stop> {
        // The store decides whether removing expired heads is work that counts.
        let limit = if self.has_expired() { ALL } else { limit };
        let answer = self.ports.ticks.admit(self.concert, limit).await?;
        let (now, positions) = (answer.as_of, self.positions);
        self.arrive(now)?;
        let Some(queue) = self.queue() else {
            return self.agree_not_seeded(&answer.value);
        };
        let expired = queue.expired(now).len();
        if limit < ALL && expired > 0 {
            return Err(Stop::Undecided);
        }
        let expected = queue.admit(now, limit);
        let answer = queue.corrected_tick(answer.value, &expected, expired, positions, now);
        self.agree(&TickOutcome::Ticked(expected), &answer)
    }

    pub(super) async fn expire(&mut self) -> Result<(), Stop> {
        let answer = self.ports.ticks.expire(self.concert, ALL).await?;
        let (now, positions) = (answer.as_of, self.positions);
        self.arrive(now)?;
        let Some(queue) = self.queue() else {
            return self.agree_not_seeded(&answer.value);
        };
        let expired = queue.expired(now).len();
        let expected = queue.expire(now, ALL);
        let answer = queue.corrected_tick(answer.value, &expected, expired, positions, now);
        self.agree(&TickOutcome::Ticked(expected), &answer)
    }

    pub(super) async fn set_sale(&mut self, sale: SaleState) -> Result<(), Stop> {
        let answer = self.ports.control.set_sale(self.concert, counted(sale));
        answer.await?;
        if let Some(queue) = self.queue() {
            queue.sale.sale = sale;
        }
        Ok(())
    }

    pub(super) async fn ask_served(&mut self) -> Result<(), Stop> {
        // Expired places count until they are removed.
        self.expire().await?;
        let answer = self.ports.ticks.served(self.concert).await?;
        let now = answer.as_of;
        self.arrive(now)?;
        let expected = self.queue().and_then(|queue| queue.served(now));
        // Stores may record at different instants since when the queue is served.
        let up_to = |served: Served| served.up_to;
        self.agree(&expected.map(up_to), &answer.value.map(up_to))
    }

    pub(super) async fn ask_control(&mut self) -> Result<(), Stop> {
        let version = self.ports.control.policy_version(self.concert).await?;
        let expected: Option<PolicyVersion> = self.queue().map(|queue| queue.policy.version);
        self.agree(&expected, &version)?;
        // These answers have no instant: they were given between two that have one.
        self.look_up(Shown { user: 0, age: 0 }).await?;
        let before = self.last();
        let empty = self.ports.control.is_empty(self.concert).await?;
        let busy = self.ports.ticks.busy().await?;
        let is_busy = busy.contains(&self.concert);
        self.look_up(Shown { user: 0, age: 0 }).await?;
        let after = self.last();
        let Some(queue) = self.queue() else {
            return self.agree(&(true, false), &(empty, is_busy));
        };
        let (is_empty, holds_nothing) = (queue.is_empty(before), queue.holds_nothing(before));
        if (is_empty, holds_nothing) != (queue.is_empty(after), queue.holds_nothing(after)) {
            return Ok(());
        }
        // A user who recently had a place may keep a queue busy, for as long as the store likes.
        self.agree(&(holds_nothing, is_busy || !is_empty), &(empty, is_busy))
    }
}
