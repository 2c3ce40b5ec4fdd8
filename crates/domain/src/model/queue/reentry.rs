//! Re-entry: users return to the line with tokens of places that the store has lost, with the queue
//! or with its last writes.

use std::time::Duration;

use jiff::Timestamp;

use super::{Arrival, QueueTerms, Recovery, Served, ServerId, Ticket};
use crate::model::later;

/// The time after the loss of a queue in which users re-enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReentryPeriod {
    /// The end of the recovery, in which no user is admitted.
    pub recovering_until: Timestamp,
    /// The end of the re-entry with tokens of another generation.
    pub open_until: Timestamp,
    /// Users with an arrival up to this were served before the loss and do not re-enter. None if
    /// all users re-enter.
    pub served_up_to: Option<Arrival>,
}

impl ReentryPeriod {
    /// The period that begins at `now`: the recovery, then `waiting_ttl` for late users.
    #[must_use]
    pub fn begin(now: Timestamp, recovery: Recovery, waiting_ttl: Duration) -> Self {
        let recovering_until = later(now, recovery.lasts);
        Self {
            recovering_until,
            open_until: later(recovering_until, waiting_ttl),
            served_up_to: recovery.served_up_to,
        }
    }

    /// Returns true if a token of another generation with this arrival re-enters at `now`.
    fn takes(&self, arrival: Arrival, now: Timestamp) -> bool {
        now < self.open_until && self.served_up_to < Some(arrival)
    }
}

impl QueueTerms {
    /// After this time without a recorded tick an older copy may have replaced the store.
    pub const SILENCE: Duration = Duration::from_mins(1);

    /// Returns until when users may re-enter with lost tickets: after a loss of the queue with
    /// tickets from before it, after a loss of last writes with those of its gap. None if no loss
    /// is known.
    #[must_use]
    pub fn reentry_until(&self, now: Timestamp) -> Option<Timestamp> {
        let open_until = self.reentry.map(|period| period.open_until);
        let after_loss = open_until.filter(|open_until| now < *open_until);
        after_loss.max(self.gaps.open_until(now, self.policy().waiting_ttl))
    }

    /// Returns true if users may re-enter after a known loss.
    #[must_use]
    pub fn accepts_reentry(&self, now: Timestamp) -> bool {
        self.reentry_until(now).is_some()
    }

    /// Returns true if `ticket` was lost and re-enters the line, provided that its user has no
    /// place. `ended` is the arrival of the user's last ended place, if one is remembered.
    ///
    /// A ticket of this generation that is later than the last arrival proves by itself that the
    /// store has lost writes.
    #[must_use]
    pub fn reenters(&self, ticket: &Ticket, ended: Option<Arrival>, now: Timestamp) -> bool {
        if ticket.generation != self.generation {
            let mut period = self.reentry.iter();
            return ended.is_none() && period.any(|period| period.takes(ticket.arrival, now));
        }
        let waiting_ttl = self.policy().waiting_ttl;
        let lost =
            self.last_arrival < ticket.arrival || self.gaps.have(ticket.arrival, now, waiting_ttl);
        // A ticket that is later than the ended place belongs to a place taken after it.
        lost && ended < Some(ticket.arrival)
    }

    /// Returns the arrival up to which every user was admitted or has gone. `admitted` is the
    /// latest admitted arrival, immediate or from the line. `waits` is the earliest that still
    /// waits or stands aside. None if nothing is known.
    ///
    /// While users re-enter after a loss of the queue, it is the value from before the loss, or
    /// before every arrival if there is none: any later user may still re-enter.
    #[must_use]
    pub fn served(
        &self,
        admitted: Option<Arrival>,
        waits: Option<Arrival>,
        now: Timestamp,
    ) -> Option<Served> {
        Some(Served {
            up_to: self.served_up_to(admitted, waits, now)?,
            serving_since: self.deadlines(now).serving_since(),
        })
    }

    fn served_up_to(
        &self,
        admitted: Option<Arrival>,
        waits: Option<Arrival>,
        now: Timestamp,
    ) -> Option<Arrival> {
        if let Some(period) = self.reentry.filter(|period| now < period.open_until) {
            return Some(period.served_up_to.unwrap_or(Arrival::from_micros(0)));
        }
        let before_line = waits.map(Arrival::just_before);
        let lost = self.gaps.open_after(now, self.policy().waiting_ttl);
        let limits = before_line.into_iter().chain(lost);
        limits.chain(admitted).min().filter(|_| admitted.is_some())
    }

    /// Records that `ticket`, which [re-enters](Self::reenters), was shown. A ticket of this
    /// generation proves that the store has lost writes.
    pub fn record_lost(&mut self, ticket: &Ticket, now: Timestamp) {
        let waiting_ttl = self.policy().waiting_ttl;
        if ticket.generation == self.generation
            && !self.gaps.confirm(ticket.arrival, now, waiting_ttl)
        {
            self.gaps.forget(now, waiting_ttl);
            let shown = Some(ticket.arrival);
            self.last_arrival = self.gaps.open(self.last_arrival, shown, now);
        }
    }

    /// Records that `ticket` [re-enters](Self::reenters). New joins come after every arrival seen.
    pub fn reenter(&mut self, ticket: &Ticket, now: Timestamp) {
        self.record_lost(ticket, now);
        self.last_arrival = self.last_arrival.max(ticket.arrival);
    }

    /// Returns true if a call at `now` that `server` answers has something to
    /// [record](Self::find_losses).
    #[must_use]
    pub fn may_have_lost_writes(&self, server: Option<&ServerId>, now: Timestamp) -> bool {
        let is_news = |server| self.servers.is_news(server, now, self.policy().waiting_ttl);
        server.is_some_and(is_news) || self.ends_silence(now)
    }

    /// Records the losses that a call at `now`, which `server` answers, finds, before the call
    /// changes anything else: a server that may lack the last writes of the previous one, or the
    /// end of a silence in which an older copy may have replaced the store.
    pub fn find_losses(&mut self, server: Option<&ServerId>, now: Timestamp) {
        let waiting_ttl = self.policy().waiting_ttl;
        if let Some(server) = server
            && self.servers.is_news(server, now, waiting_ttl)
            && self.servers.change(server, now, waiting_ttl)
        {
            self.gaps.forget(now, waiting_ttl);
            self.last_arrival = self.gaps.open(self.last_arrival, None, now);
        }
        if self.ends_silence(now) {
            self.gaps.forget(now, waiting_ttl);
            self.gaps.open_after_silence(self.last_arrival, now);
        }
    }

    /// Returns true for the first call after a silence: no gap was found since the last recorded
    /// tick.
    fn ends_silence(&self, now: Timestamp) -> bool {
        now > later(self.last_tick, Self::SILENCE)
            && self.gaps.last_found() <= Some(self.last_tick)
            && self.last_arrival < Arrival::before(now)
    }
}

#[cfg(test)]
mod tests;
