//! Checks of every answer, and checks that hold at any time.

use frontrow_domain::model::{
    UserId,
    queue::{Place, Standing},
};
use jiff::Timestamp;

use super::run::{CONCERT, Run};

/// The last heartbeat of a user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    /// The latest instant, by the store's clock.
    pub(super) at: Timestamp,
    /// The passed time at that instant. None if clocks have stepped since, or the store was lost.
    pub(super) passed: Option<i64>,
}

impl Run<'_> {
    /// Records the place that an instance returned to a user, and their heartbeat.
    pub(super) fn told_of(
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
        self.note_heartbeat(&place.ticket.user, now.max(as_of));
        let mut held = self.mirror.held();
        let queue = held.model.queue(CONCERT);
        if queue.is_some_and(|queue| queue.gives_places_back(now)) {
            self.told.clear();
            return Ok(());
        }
        let key = (at, place.ticket.arrival, place.ticket.generation);
        match self.told.insert(key, position) {
            Some(before) if before < position => Err(format!(
                "{} stood at {before} and was sent back: {place:?}",
                place.ticket.user
            )),
            _ => Ok(()),
        }
    }

    /// Records a heartbeat.
    pub(super) fn note_heartbeat(&mut self, user: &UserId, at: Timestamp) {
        let passed = self.time.passed();
        let heard = self.heard.entry(user.clone());
        let heard = heard.or_insert(Heard { at, passed: None });
        heard.at = heard.at.max(at);
        heard.passed = Some(passed);
    }

    /// Checks what must hold at any time.
    pub(super) fn check(&self) -> Result<(), String> {
        let (now, passed) = (self.store_clock.peek(), self.time.passed());
        let mut held = self.mirror.held();
        if let Some(wrong) = held.wrong.take() {
            return Err(wrong);
        }
        let Some(queue) = held.model.queue(CONCERT) else {
            return Ok(());
        };
        let ttl = i64::try_from(queue.rules().waiting_ttl.as_micros()).unwrap_or(i64::MAX);
        for place in &queue.waiting {
            let Some(heard) = self.heard.get(&place.user) else {
                return Err(format!("{} waits and never sent a heartbeat", place.user));
            };
            if place.last_seen > heard.at {
                let seen = place.last_seen;
                return Err(format!(
                    "{} sent a heartbeat at {heard:?}, not {seen}",
                    place.user
                ));
            }
            // A heartbeat may be as old as the snapshot that it was answered from.
            let lately = heard
                .passed
                .is_some_and(|then| passed - then < ttl - 500_000);
            if lately && !queue.waits(place, now) {
                return Err(format!(
                    "{} sent a heartbeat at {heard:?}, but expired",
                    place.user
                ));
            }
        }
        Ok(())
    }
}
