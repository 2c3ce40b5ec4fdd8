//! The calls of a sequence, made to the store and to the model.

use frontrow_domain::{
    model::queue::{GatePurpose, JoinRefusal, PolicyVersion, SaleState, Served},
    ports::{GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, TickOutcome},
};

use super::{
    run_queue::{Run, Stop, user},
    steps::Shown,
};
use crate::{
    fixture::counted,
    queue::{ALL, QueueFixture},
};

impl<F: QueueFixture> Run<'_, F> {
    pub(super) async fn join(&mut self, who: usize, shows: Option<usize>) -> Result<(), Stop> {
        let ticket = shows.map(|age| self.ticket_of(who, age));
        let user = user(who);
        let told = self.ports.queue.join(self.concert, &user, ticket.clone());
        let told = told.await?;
        let (now, positions) = (told.as_of, self.positions);
        self.arrive(now)?;
        if let JoinOutcome::Joined(place) | JoinOutcome::Held(place) = &told.value {
            self.keep(who, &place.ticket);
        }
        let Some(queue) = self.queue() else {
            return self.agree(&JoinOutcome::NotSeeded, &told.value);
        };
        let full = matches!(told.value, JoinOutcome::Refused(JoinRefusal::Full, _));
        if full && queue.may_seem_full(positions, now) {
            // Expired places may fill the line until a tick has removed them.
            queue.try_room(now);
            let view = queue.view(now);
            let expected = JoinOutcome::Refused(JoinRefusal::Full, view);
            return self.agree(&expected, &told.value);
        }
        let expected = queue.join(now, &user, ticket.as_ref());
        let told = queue.joined(told.value, positions, now);
        self.agree(&expected, &told)
    }

    pub(super) async fn look_up(&mut self, shown: Shown) -> Result<(), Stop> {
        let ticket = self.ticket_of(shown.who, shown.age);
        let told = self.ports.queue.look_up(&ticket).await?;
        let (now, positions) = (told.as_of, self.positions);
        self.arrive(now)?;
        if let LookUpOutcome::Found(place) = &told.value {
            self.keep(shown.who, &place.ticket);
        }
        let Some(queue) = self.queue() else {
            return self.agree(&LookUpOutcome::NotSeeded, &told.value);
        };
        let expected = queue.look_up(now, &ticket);
        let told = queue.looked_up(told.value, positions, now);
        self.agree(&expected, &told)
    }

    pub(super) async fn gate(&mut self, shown: Shown, purpose: GatePurpose) -> Result<(), Stop> {
        let ticket = self.ticket_of(shown.who, shown.age);
        let told = self.ports.queue.pass_gate(&ticket, purpose).await?;
        let (now, positions) = (told.as_of, self.positions);
        self.arrive(now)?;
        let Some(queue) = self.queue() else {
            return self.agree(&GateOutcome::NotSeeded, &told.value);
        };
        let expected = queue.pass_gate(now, &ticket, purpose);
        let told = queue.passed(told.value, positions, now);
        self.agree(&expected, &told)
    }

    pub(super) async fn leave(&mut self, shown: Shown) -> Result<(), Stop> {
        let ticket = self.ticket_of(shown.who, shown.age);
        let told = self.ports.queue.leave(&ticket).await?;
        self.arrive(told.as_of)?;
        let Some(queue) = self.queue() else {
            return self.agree(&LeaveOutcome::NotSeeded, &told.value);
        };
        let expected = queue.leave(told.as_of, &ticket);
        self.agree(&expected, &told.value)
    }

    pub(super) async fn admit(&mut self, limit: u32) -> Result<(), Stop> {
        // The store decides whether removing expired heads is work that counts.
        let limit = if self.anybody_over() { ALL } else { limit };
        let told = self.ports.ticks.admit(self.concert, limit).await?;
        let (now, positions) = (told.as_of, self.positions);
        self.arrive(now)?;
        let Some(queue) = self.queue() else {
            return self.knows_nothing(&told.value);
        };
        let over = queue.over(now).len();
        if limit < ALL && over > 0 {
            return Err(Stop::Undecided);
        }
        let expected = queue.admit(now, limit);
        let told = queue.ticked(told.value, &expected, over, positions, now);
        self.agree(&TickOutcome::Ticked(expected), &told)
    }

    pub(super) async fn expire(&mut self) -> Result<(), Stop> {
        let told = self.ports.ticks.expire(self.concert, ALL).await?;
        let (now, positions) = (told.as_of, self.positions);
        self.arrive(now)?;
        let Some(queue) = self.queue() else {
            return self.knows_nothing(&told.value);
        };
        let over = queue.over(now).len();
        let expected = queue.expire(now, ALL);
        let told = queue.ticked(told.value, &expected, over, positions, now);
        self.agree(&TickOutcome::Ticked(expected), &told)
    }

    pub(super) async fn set_sale(&mut self, sale: SaleState) -> Result<(), Stop> {
        let told = self.ports.control.set_sale(self.concert, counted(sale));
        told.await?;
        if let Some(queue) = self.queue() {
            queue.sale.sale = sale;
        }
        Ok(())
    }

    pub(super) async fn ask_served(&mut self) -> Result<(), Stop> {
        // Expired places count until they are removed.
        self.expire().await?;
        let told = self.ports.ticks.served(self.concert).await?;
        let now = told.as_of;
        self.arrive(now)?;
        let expected = self.queue().and_then(|queue| queue.served(now));
        // Stores may record at different instants since when the queue is served.
        let up_to = |served: Served| served.up_to;
        self.agree(&expected.map(up_to), &told.value.map(up_to))
    }

    pub(super) async fn ask_control(&mut self) -> Result<(), Stop> {
        let version = self.ports.control.policy_version(self.concert).await?;
        let expected: Option<PolicyVersion> = self.queue().map(|queue| queue.policy.version);
        self.agree(&expected, &version)?;
        // These answers have no instant: they were given between two that have one.
        self.look_up(Shown { who: 0, age: 0 }).await?;
        let before = self.last();
        let empty = self.ports.control.is_empty(self.concert).await?;
        let busy = self.ports.ticks.busy().await?;
        let is_busy = busy.contains(&self.concert);
        self.look_up(Shown { who: 0, age: 0 }).await?;
        let after = self.last();
        let Some(queue) = self.queue() else {
            return self.agree(&(true, false), &(empty, is_busy));
        };
        let (nobody, nothing) = (queue.is_empty(before), queue.holds_nothing(before));
        if (nobody, nothing) != (queue.is_empty(after), queue.holds_nothing(after)) {
            return Ok(());
        }
        // A user who recently had a place may keep a queue busy, for as long as the store likes.
        self.agree(&(nothing, is_busy || !nobody), &(empty, is_busy))
    }
}
