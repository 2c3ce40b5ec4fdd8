//! What a queue goes by, apart from its places: policy, service, and re-entry after a loss.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Arrival, Deadlines, EffectiveState, Gaps, Generation, PolicyVersion, QueuePolicy, QueueView,
    Recovery, SaleCount, Served, ServerId, Servers, Ticket, VersionedPolicy,
};
use crate::model::later;

/// The terms of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueTerms {
    /// The life of the queue's store.
    pub generation: Generation,
    /// The policy in force.
    pub policy: VersionedPolicy,
    /// What is left to buy.
    pub sale: SaleCount,
    /// Since when the queue has been served without a break, as recorded by the last tick.
    pub serving_since: Timestamp,
    /// When the queue was last ticked.
    pub last_tick: Timestamp,
    /// The time after a loss. None where the store never lost the queue, or no longer needs to know.
    pub reentry: Option<ReentryPeriod>,
    /// The latest arrival that was given out or re-entered. In a queue without any it is before the
    /// instant at which the store was given the queue.
    pub last_arrival: Arrival,
    /// The servers that have kept the queue.
    pub servers: Servers,
    /// The arrivals that were perhaps lost with the last writes of a server.
    pub gaps: Gaps,
}

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

    /// The terms of a queue that its store, on `server`, is given at `now`.
    #[must_use]
    pub fn new(
        policy: VersionedPolicy,
        generation: Generation,
        recovery: Option<Recovery>,
        server: Option<&ServerId>,
        now: Timestamp,
    ) -> Self {
        let waiting_ttl = policy.policy.waiting_ttl;
        Self {
            generation,
            policy,
            sale: SaleCount::default(),
            serving_since: now,
            last_tick: now,
            reentry: recovery.map(|recovery| ReentryPeriod::begin(now, recovery, waiting_ttl)),
            last_arrival: Arrival::before(now),
            servers: Servers::first(server, now),
            gaps: Gaps::default(),
        }
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> &QueuePolicy {
        &self.policy.policy
    }

    /// The version of the policy in force.
    #[must_use]
    pub fn version(&self) -> PolicyVersion {
        self.policy.version
    }

    /// Puts `policy` in force if it is newer. Returns true where it was.
    pub fn take(&mut self, policy: &VersionedPolicy) -> bool {
        let newer = policy.version > self.policy.version;
        if newer {
            self.policy = policy.clone();
        }
        newer
    }

    /// When places end, as of `now`.
    #[must_use]
    pub fn deadlines(&self, now: Timestamp) -> Deadlines<'_> {
        Deadlines::at(now, self.policy(), self.serving_since, self.last_tick)
    }

    /// What everybody may know of the queue at `now`.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> QueueView {
        let recovering = self
            .reentry
            .is_some_and(|period| now < period.recovering_until);
        QueueView::new(self.policy(), recovering, self.sale.sale)
    }

    /// The state that counts at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> EffectiveState {
        self.view(now).effective(now)
    }

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

    /// The arrival of a user who joins at `now`.
    pub fn next_arrival(&mut self, now: Timestamp) -> Arrival {
        self.last_arrival = Arrival::after(self.last_arrival, now);
        self.gaps.give_out(self.last_arrival);
        self.last_arrival
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

    /// Records a tick at `now`. A re-entry period or a gap that is over is forgotten, so that it stays
    /// over when the clock steps back.
    pub fn tick(&mut self, now: Timestamp) {
        self.gaps.forget(now, self.policy.policy.waiting_ttl);
        self.serving_since = self.deadlines(now).serving_since();
        self.last_tick = now;
        self.reentry = self.reentry.filter(|period| now < period.open_until);
    }

    /// Records that the first place is taken in a queue without places at `now`.
    ///
    /// Ticks of such a queue record nothing, so that idle queues cost no writes. Without this the queue
    /// would look like one that was out of service.
    pub fn first_place(&mut self, now: Timestamp) {
        self.tick(now);
    }

    /// True where a tick that changes nothing else has to record its instant all the same: the
    /// recorded one is more than a second old, so it would soon count as an outage.
    #[must_use]
    pub fn tick_is_due(&self, now: Timestamp) -> bool {
        let recorded = later(self.last_tick, Duration::from_secs(1));
        now > recorded || now < self.last_tick || self.serving_since > now
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{ConcertId, UserId};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn terms(recovery: Option<u64>) -> QueueTerms {
        let policy = VersionedPolicy {
            policy: QueuePolicy::default(),
            version: PolicyVersion(1),
        };
        let recovery = recovery.map(Duration::from_secs).map(Recovery::lasting);
        QueueTerms::new(policy, Generation(7), recovery, named("a").as_ref(), at(0))
    }

    fn named(name: &str) -> Option<ServerId> {
        ServerId::named(name)
    }

    fn arrival(second: i64) -> Arrival {
        Arrival::from_micros(second * 1_000_000)
    }

    fn ticket(generation: u64) -> Ticket {
        ticket_of(generation, -1)
    }

    fn ticket_of(generation: u64, second: i64) -> Ticket {
        Ticket {
            concert: ConcertId(Uuid::nil()),
            user: UserId::try_from("alice").unwrap(),
            arrival: arrival(second),
            generation: Generation(generation),
        }
    }

    #[test]
    fn an_older_policy_changes_nothing() {
        let mut terms = terms(None);
        let policy = |version| VersionedPolicy {
            policy: QueuePolicy::default(),
            version: PolicyVersion(version),
        };
        assert!(!terms.take(&policy(1)));
        assert!(terms.take(&policy(2)));
        assert_eq!(terms.version(), PolicyVersion(2));
    }

    /// Seconds after a loss with a recovery of 60 s and a waiting TTL of 300 s.
    #[test]
    fn a_lost_queue_recovers_then_accepts_late_users() {
        let lost = terms(Some(60));
        for (second, state, accepts) in [
            (0, EffectiveState::Recovering, true),
            (59, EffectiveState::Recovering, true),
            (60, EffectiveState::Open, true),
            (359, EffectiveState::Open, true),
            (360, EffectiveState::Open, false),
        ] {
            assert_eq!(lost.state(at(second)), state, "{second}");
            assert_eq!(lost.accepts_reentry(at(second)), accepts, "{second}");
            assert_eq!(
                lost.reenters(&ticket(6), None, at(second)),
                accepts,
                "{second}"
            );
            assert!(!lost.reenters(&ticket(7), None, at(second)), "{second}");
        }
    }

    #[test]
    fn users_who_were_served_before_the_loss_do_not_re_enter() {
        let mut lost = terms(Some(60));
        let period = lost.reentry.as_mut().unwrap();
        period.served_up_to = Some(arrival(-50));
        lost.find_losses(named("b").as_ref(), at(0));
        for (generation, second, reenters) in [
            (6, -51, false),
            (6, -50, false),
            (6, -49, true),
            // Of a gap of this generation, which begins later.
            (7, 1, true),
        ] {
            let ticket = ticket_of(generation, second);
            let found = lost.reenters(&ticket, None, at(1));
            assert_eq!(found, reenters, "{generation} {second}");
        }
    }

    #[test]
    fn users_were_served_up_to_the_first_who_may_still_wait() {
        let mut terms = terms(None);
        let served = |terms: &QueueTerms, admitted: Option<i64>, waits: Option<i64>, second| {
            let found = terms.served_up_to(admitted.map(arrival), waits.map(arrival), at(second));
            found.map(Arrival::micros)
        };
        for (admitted, waits, expected) in [
            (None, None, None),
            (None, Some(5), None),
            (Some(4), None, Some(4_000_000)),
            (Some(4), Some(5), Some(4_000_000)),
            // A user who stands aside or has returned.
            (Some(4), Some(2), Some(1_999_999)),
        ] {
            assert_eq!(
                served(&terms, admitted, waits, 6),
                expected,
                "{admitted:?} {waits:?}"
            );
        }
        terms.next_arrival(at(50));
        terms.tick(at(60));
        terms.tick(at(125));
        assert_eq!(
            served(&terms, Some(126), None, 126),
            Some(126_000_000),
            "a silence"
        );
        terms.find_losses(named("b").as_ref(), at(127));
        assert_eq!(
            served(&terms, Some(140), None, 140),
            Some(50_000_000),
            "a gap"
        );
        assert_eq!(
            served(&terms, Some(440), None, 440),
            Some(440_000_000),
            "it is over"
        );
    }

    #[test]
    fn while_users_re_enter_nobody_else_counts_as_served() {
        let mut lost = terms(Some(60));
        let up_to = |lost: &QueueTerms, second| {
            let found = lost.served_up_to(Some(arrival(90)), None, at(second));
            found.map(Arrival::micros)
        };
        assert_eq!(up_to(&lost, 359), Some(0));
        lost.reentry.as_mut().unwrap().served_up_to = Some(arrival(-50));
        assert_eq!(up_to(&lost, 359), Some(-50_000_000));
        assert_eq!(up_to(&lost, 360), Some(90_000_000));
    }

    #[test]
    fn a_reentry_period_that_is_over_stays_over_when_the_clock_steps_back() {
        let mut lost = terms(Some(60));
        lost.tick(at(360));
        assert!(!lost.accepts_reentry(at(10)));
    }

    #[test]
    fn a_tick_after_an_outage_restarts_the_service() {
        let mut terms = terms(None);
        terms.tick(at(4));
        assert_eq!(terms.serving_since, at(0));
        terms.tick(at(10));
        assert_eq!(terms.serving_since, at(10));
    }

    #[test]
    fn a_tick_records_its_instant_at_most_once_a_second() {
        let mut terms = terms(None);
        terms.tick(at(10));
        for (second, due) in [(10, false), (11, false), (12, true), (9, true)] {
            assert_eq!(terms.tick_is_due(at(second)), due, "{second}");
        }
    }

    #[test]
    fn another_server_opens_a_gap_before_anything_else() {
        let mut terms = terms(None);
        terms.next_arrival(at(50));
        terms.find_losses(named("a").as_ref(), at(60));
        terms.find_losses(None, at(60));
        assert!(!terms.reenters(&ticket_of(7, 50), None, at(60)));
        assert!(!terms.accepts_reentry(at(60)));
        terms.find_losses(named("b").as_ref(), at(60));
        assert!(
            !terms.reenters(&ticket_of(7, 50), None, at(60)),
            "it was known"
        );
        assert!(terms.reenters(&ticket_of(7, 51), None, at(60)));
        assert!(terms.reenters(&ticket_of(7, 65), None, at(60)));
        assert!(
            !terms.reenters(&ticket_of(6, 51), None, at(60)),
            "of another life"
        );
        assert_eq!(terms.reentry_until(at(60)), Some(at(360)));
        let next = terms.next_arrival(at(61));
        assert_eq!(next.micros(), 65_000_001);
        assert!(terms.reenters(&ticket_of(7, 51), None, at(359)));
        terms.tick(at(360));
        assert!(!terms.reenters(&ticket_of(7, 51), None, at(359)));
    }

    #[test]
    fn a_ticket_after_the_last_arrival_proves_a_loss() {
        let mut terms = terms(None);
        terms.next_arrival(at(50));
        let lost = ticket_of(7, 70);
        assert!(terms.reenters(&lost, None, at(60)));
        terms.reenter(&lost, at(60));
        assert_eq!(terms.last_arrival, arrival(75));
        assert!(terms.reenters(&ticket_of(7, 51), None, at(60)));
        assert_eq!(terms.reentry_until(at(60)), Some(at(360)));
    }

    #[test]
    fn a_silence_opens_a_gap_that_shows_only_once_a_lost_ticket_does() {
        let mut terms = terms(None);
        terms.next_arrival(at(50));
        terms.tick(at(60));
        assert!(!terms.may_have_lost_writes(None, at(120)));
        assert!(terms.may_have_lost_writes(None, at(121)));
        terms.find_losses(None, at(121));
        assert_eq!(terms.next_arrival(at(121)), arrival(121));
        // It is found once, also where no tick comes.
        assert!(!terms.may_have_lost_writes(None, at(130)));
        terms.find_losses(None, at(130));
        assert_eq!(terms.gaps.as_slice().len(), 1);
        terms.tick(at(131));
        assert!(!terms.accepts_reentry(at(131)));
        let lost = ticket_of(7, 100);
        assert!(terms.reenters(&lost, None, at(200)));
        terms.reenter(&lost, at(200));
        assert!(terms.accepts_reentry(at(200)));
        assert_eq!(terms.last_arrival, arrival(121));
    }

    #[test]
    fn ticks_in_time_open_no_gap() {
        let mut terms = terms(None);
        terms.next_arrival(at(1));
        for second in [60, 120, 180] {
            terms.find_losses(None, at(second));
            terms.tick(at(second));
        }
        assert_eq!(terms.gaps, Gaps::default());
    }

    #[test]
    fn a_place_that_ended_does_not_come_back_but_a_later_one_does() {
        let mut lost = terms(Some(60));
        lost.next_arrival(at(50));
        lost.find_losses(named("b").as_ref(), at(60));
        for (generation, ended, reenters) in [
            (6, None, true),
            (6, Some(1), false),
            (7, None, true),
            (7, Some(54), true),
            (7, Some(55), false),
            (7, Some(90), false),
        ] {
            let ticket = ticket_of(generation, 55);
            let found = lost.reenters(&ticket, ended.map(arrival), at(60));
            assert_eq!(found, reenters, "{generation} {ended:?}");
        }
    }

    #[test]
    fn an_arrival_that_is_given_out_is_in_no_gap() {
        let mut terms = terms(None);
        terms.next_arrival(at(1));
        terms.find_losses(None, at(100));
        terms.tick(at(100));
        // The clock steps back behind the silence.
        let given = terms.next_arrival(at(50));
        assert_eq!(given, arrival(50));
        assert!(!terms.reenters(&ticket_of(7, 50), None, at(51)));
        assert!(terms.reenters(&ticket_of(7, 99), None, at(51)));
    }

    #[test]
    fn a_gap_that_is_over_does_not_come_back_with_the_next() {
        let mut terms = terms(None);
        terms.next_arrival(at(1));
        terms.find_losses(named("b").as_ref(), at(10));
        terms.find_losses(named("c").as_ref(), at(310));
        assert!(!terms.reenters(&ticket_of(7, 11), None, at(310)));
        assert!(terms.reenters(&ticket_of(7, 16), None, at(310)));
    }
}
