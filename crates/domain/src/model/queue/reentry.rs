//! Re-entry: how users get back the places that a store has lost, with the queue or with its last
//! writes.

use std::time::Duration;

use jiff::Timestamp;

use super::{Arrival, QueueTerms, Recovery, Served, ServerId, Ticket};
use crate::model::later;

/// The time after a store lost a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReentryPeriod {
    /// Until then the queue recovers: nobody is admitted.
    pub recovering_until: Timestamp,
    /// Until then users re-enter the line with tokens of another generation.
    pub open_until: Timestamp,
    /// Users who arrived up to this were served before the loss, and do not. None where everybody
    /// does.
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

    /// True while a user who arrived then re-enters with a token of another generation.
    fn takes(&self, arrival: Arrival, now: Timestamp) -> bool {
        now < self.open_until && self.served_up_to < Some(arrival)
    }
}

impl QueueTerms {
    /// After so long without a recorded tick the store may have been replaced by an older copy.
    pub const SILENCE: Duration = Duration::from_mins(1);

    /// Until when users may re-enter with lost tickets: after a loss of the queue with tokens from
    /// before it, after a loss of last writes with those of its gap. None where no loss is known.
    #[must_use]
    pub fn reentry_until(&self, now: Timestamp) -> Option<Timestamp> {
        let open_until = self.reentry.map(|period| period.open_until);
        let after_loss = open_until.filter(|open_until| now < *open_until);
        after_loss.max(self.gaps.open_until(now, self.policy().waiting_ttl))
    }

    /// True while users may re-enter after a loss that is known.
    #[must_use]
    pub fn accepts_reentry(&self, now: Timestamp) -> bool {
        self.reentry_until(now).is_some()
    }

    /// True where `ticket` was lost and re-enters the line, provided that its user has no place.
    /// `ended` is the arrival of their place that is remembered to have ended, if any.
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
        // A place that was taken after the one that ended is not the one that ended.
        lost && ended < Some(ticket.arrival)
    }

    /// The arrival up to which every user was admitted or has gone. `admitted` is the latest
    /// arrival that was admitted, at once or from the line; `waits` the earliest that still waits,
    /// also aside. None where nothing is known of that.
    ///
    /// While users re-enter, it is what it was when the queue was lost, or before every arrival:
    /// any later user may still come back.
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

    /// Records that `ticket`, which [re-enters](Self::reenters), was shown: one of this generation
    /// proves that the store has lost writes.
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

    /// True where a call at `now`, which `server` answers, has something to
    /// [record](Self::find_losses).
    #[must_use]
    pub fn may_have_lost_writes(&self, server: Option<&ServerId>, now: Timestamp) -> bool {
        let is_news = |server| self.servers.is_news(server, now, self.policy().waiting_ttl);
        server.is_some_and(is_news) || self.ends_silence(now)
    }

    /// Records what a call at `now`, which `server` answers, finds before anything else that it may
    /// change: a server that may lack the last writes of the one before, or the end of a silence in
    /// which the store may have been replaced by an older copy.
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

    /// True for the first call after a silence: since the last recorded tick no gap was found.
    fn ends_silence(&self, now: Timestamp) -> bool {
        now > later(self.last_tick, Self::SILENCE)
            && self.gaps.last_found() <= Some(self.last_tick)
            && self.last_arrival < Arrival::before(now)
    }
}

#[cfg(test)]
mod tests;
