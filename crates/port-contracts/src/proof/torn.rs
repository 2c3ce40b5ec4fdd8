//! Admissions whose intermediate state other calls can see.

use std::mem;

use frontrow_domain::{
    model::ConcertId,
    ports::{Stamped, TickOutcome},
};

use super::store::{Call, ModelStore};

/// An admission in two steps, between which other tasks run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Torn {
    /// Takes users from the line first, and makes them active afterwards.
    RemovesFirst,
    /// Reads first which users to admit, and admits them afterwards.
    ReadsFirst,
}

impl ModelStore {
    /// Runs an admission tick in two steps.
    pub(super) async fn admit_torn(
        &self,
        concert: ConcertId,
        limit: u32,
        torn: Torn,
    ) -> Stamped<TickOutcome> {
        match torn {
            Torn::RemovesFirst => self.admit_removing_first(concert, limit).await,
            Torn::ReadsFirst => self.admit_reading_first(concert, limit).await,
        }
    }

    async fn admit_removing_first(&self, concert: ConcertId, limit: u32) -> Stamped<TickOutcome> {
        let ticked = self.tick(concert, Call::Admit(limit));
        let mut admitted = self
            .state()
            .model
            .queue(concert)
            .map_or_else(Vec::new, |queue| {
                let (new, old) = mem::take(&mut queue.active)
                    .into_iter()
                    .partition(|place| place.admitted_at == ticked.as_of);
                queue.active = old;
                new
            });
        tokio::task::yield_now().await;
        if let Some(queue) = self.state().model.queue(concert) {
            queue.active.append(&mut admitted);
        }
        ticked
    }

    async fn admit_reading_first(&self, concert: ConcertId, limit: u32) -> Stamped<TickOutcome> {
        let seen = self.state().model.queue(concert).cloned();
        tokio::task::yield_now().await;
        let mut state = self.state();
        let as_of = state.later();
        let (Some(mut seen), Some(queue)) = (seen, state.model.queue(concert)) else {
            return Stamped {
                as_of,
                value: TickOutcome::NotSeeded,
            };
        };
        let report = seen.admit(as_of, limit);
        queue.window = seen.window;
        for place in seen.active {
            if queue.active.iter().all(|other| other.user != place.user) {
                queue.waiting.retain(|other| other.user != place.user);
                queue.active.push(place);
                queue.departed += 1;
            }
        }
        Stamped {
            as_of,
            value: TickOutcome::Ticked(report),
        }
    }
}
