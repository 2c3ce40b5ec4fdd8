//! The head of a queue: what admission changes, and what its operator has set.

use frontrow_domain::model::queue::{
    AdmissionWindow, Arrival, Deadlines, EffectiveState, Generation, Place, QueuePolicy, QueueView,
    Standing, Ticket, VersionedPolicy,
};
use jiff::Timestamp;

use super::look_up::Whose;

/// The head of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) generation: Generation,
    pub(super) terms: VersionedPolicy,
    pub(super) sold_out: bool,
    /// After a loss: until when nobody is admitted, and until when places are given back.
    pub(super) comeback: Option<Comeback>,
    pub(super) serving_since: Timestamp,
    pub(super) last_tick: Timestamp,
    pub(super) window: Option<AdmissionWindow>,
    pub(super) passed_seq: i64,
    pub(super) passed_arrival: i64,
    pub(super) admitted: i64,
    pub(super) admitted_at_once: i64,
    /// The latest arrival of those who were admitted from the line.
    pub(super) admitted_up_to: Option<Arrival>,
    pub(super) removed_waiting: i64,
    pub(super) removed_active: i64,
    pub(super) back_in_line: i64,
}

/// The time after a loss in which people bring their places back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Comeback {
    pub(super) recovering_until: Timestamp,
    pub(super) open_until: Timestamp,
}

impl Head {
    /// The policy in force.
    pub(super) fn policy(&self) -> &QueuePolicy {
        &self.terms.policy
    }

    /// How long places live at `now`.
    pub(super) fn lives(&self, now: Timestamp) -> Deadlines<'_> {
        Deadlines::at(now, self.policy(), self.serving_since, self.last_tick)
    }

    /// What the queue is like.
    pub(super) fn view(&self, now: Timestamp) -> QueueView {
        let recovering = self
            .comeback
            .is_some_and(|comeback| now < comeback.recovering_until);
        QueueView::new(self.policy(), recovering, self.sold_out)
    }

    /// A place as its user is told of it.
    pub(super) fn place(
        &self,
        whose: &Whose,
        arrival: Arrival,
        standing: Standing,
        now: Timestamp,
    ) -> Place {
        Place {
            ticket: Ticket {
                concert: whose.concert,
                user: whose.user.clone(),
                arrival,
                generation: self.generation,
            },
            standing,
            queue: self.view(now),
        }
    }

    /// The state that counts at `now`.
    pub(super) fn state(&self, now: Timestamp) -> EffectiveState {
        self.view(now).effective(now)
    }

    /// True while places from before a loss are given back.
    pub(super) fn takes_people_back(&self, now: Timestamp) -> bool {
        self.comeback
            .is_some_and(|comeback| now < comeback.open_until)
    }

    /// True where a ticket gets back a place that the store has lost, if its user has no row here.
    pub(super) fn takes_back(&self, ticket: &Ticket, now: Timestamp) -> bool {
        ticket.generation != self.generation && self.takes_people_back(now)
    }

    /// Records a tick. A recovery that is over is forgotten, so that it stays over when the clock steps
    /// back.
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.serving_since = self.lives(now).serving_since();
        self.last_tick = now;
        self.comeback = self.comeback.filter(|comeback| now < comeback.open_until);
    }

    /// How many may be admitted at `now`, where so many places count as active. Starts the first window
    /// or moves on to the one that runs, where there is a limit in time.
    pub(super) fn room(&mut self, active: u64, now: Timestamp) -> u64 {
        match self.state(now) {
            EffectiveState::Bypass => u64::MAX,
            EffectiveState::Open => {
                let in_window = self.terms.policy.throughput.map_or(u64::MAX, |throughput| {
                    let window = self
                        .window
                        .unwrap_or_else(|| AdmissionWindow::first(now, throughput))
                        .changed(throughput, now);
                    self.window = Some(window);
                    window.room(throughput).into()
                });
                let at_once = self.terms.policy.capacity.map_or(u64::MAX, |capacity| {
                    u64::from(capacity.max_active).saturating_sub(active)
                });
                in_window.min(at_once)
            }
            EffectiveState::Closed
            | EffectiveState::Recovering
            | EffectiveState::Paused
            | EffectiveState::SoldOut => 0,
        }
    }

    /// Counts so many admissions at `now` in the window, where they count in one.
    pub(super) fn note_admitted(&mut self, admitted: u32, now: Timestamp) {
        let counts =
            self.state(now) == EffectiveState::Open && self.terms.policy.throughput.is_some();
        if let Some(window) = self.window.as_mut().filter(|_| counts) {
            window.admitted = window.admitted.saturating_add(admitted);
        }
    }
}

/// A count in a column.
pub(super) fn count(column: i64) -> u64 {
    u64::try_from(column).unwrap_or_default()
}
