//! Checks of every answer, and checks that hold at any time.

use frontrow_domain::model::{
    UserId,
    queue::{Place, Standing},
};
use jiff::Timestamp;

use super::run::{CONCERT, Run};

/// The last heartbeat of a user.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastHeartbeat {
    /// The latest instant, by the store's clock.
    pub(super) at: Timestamp,
    /// The passed time at that instant. None if clocks have stepped since, or the store was lost.
    pub(super) passed: Option<i64>,
}

impl Run<'_> {
    /// Records the position that an instance returned to a user, and their heartbeat. Errors if the
    /// position grew.
    pub(super) fn record_position(
        &mut self,
        at: usize,
        place: &Place,
        as_of: Timestamp,
    ) -> Result<(), String> {
        let Standing::Waiting { position, .. } = place.standing else {
            return Ok(());
        };
        let now = self.store_clock.peek();
        // A clock may have stepped back since.
        self.record_heartbeat(&place.ticket.user, now.max(as_of));
        let mut state = self.mirror.state();
        let queue = state.model.queue(CONCERT);
        if queue.is_some_and(|queue| queue.takes_reentries(now)) {
            self.last_positions.clear();
            return Ok(());
        }
        let key = (at, place.ticket.arrival, place.ticket.generation);
        match self.last_positions.insert(key, position) {
            Some(before) if before < position => Err(format!(
                "{} stood at {before} and was sent back: {place:?}",
                place.ticket.user
            )),
            _ => Ok(()),
        }
    }

    /// Records a heartbeat.
    pub(super) fn record_heartbeat(&mut self, user: &UserId, at: Timestamp) {
        let passed = self.time.passed();
        let last = self.last_heartbeats.entry(user.clone());
        let last = last.or_insert(LastHeartbeat { at, passed: None });
        last.at = last.at.max(at);
        last.passed = Some(passed);
    }

    /// Checks the conditions that hold at any time.
    pub(super) fn check(&self) -> Result<(), String> {
        let (now, passed) = (self.store_clock.peek(), self.time.passed());
        let mut state = self.mirror.state();
        if let Some(wrong) = state.wrong.take() {
            return Err(wrong);
        }
        let Some(queue) = state.model.queue(CONCERT) else {
            return Ok(());
        };
        let ttl = i64::try_from(queue.rules().waiting_ttl.as_micros()).unwrap_or(i64::MAX);
        for place in &queue.waiting {
            let Some(last) = self.last_heartbeats.get(&place.user) else {
                return Err(format!("{} waits and never sent a heartbeat", place.user));
            };
            if place.last_seen > last.at {
                let seen = place.last_seen;
                return Err(format!(
                    "{} sent a heartbeat at {last:?}, not {seen}",
                    place.user
                ));
            }
            // A heartbeat may be as old as the snapshot that it was answered from.
            let lately = last
                .passed
                .is_some_and(|then| passed - then < ttl - 500_000);
            if lately && !queue.waits(place, now) {
                return Err(format!(
                    "{} sent a heartbeat at {last:?}, but expired",
                    place.user
                ));
            }
        }
        Ok(())
    }
}
