//! The effect of a batch of requests on a queue, decided one request after the other, without I/O.

use std::collections::{BTreeMap, HashMap};

use frontrow_domain::model::{
    ConcertId, UserId,
    queue::{Arrival, Heartbeat, JoinDecision, JoinFacts, Place, Ticket},
};
use jiff::Timestamp;

use super::requests::{Answer, Request};
use crate::queue::rows::{
    places::{Phase, PlaceRow},
    queue_row::QueueRow,
    units::count,
};

/// A queue while a batch of requests changes it.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) concert: ConcertId,
    pub(super) now: Timestamp,
    pub(super) queue: QueueRow,
    /// True if any user waits for their turn whose place is not expired, as far as it matters.
    pub(super) line: bool,
    /// True if the queue had no places, until it has one.
    pub(super) was_idle: bool,
    /// The rows of the users of the batch.
    pub(super) rows: HashMap<UserId, PlaceRow>,
    /// The rows to write, or to delete (`None`).
    pub(super) changed: BTreeMap<UserId, Option<PlaceRow>>,
    /// The arrivals of users who left the line.
    pub(super) departures: Vec<Arrival>,
}

impl Changes {
    /// Applies a request after those before it, and returns its answer.
    pub(super) fn answer(&mut self, request: &Request) -> Answer {
        match request {
            Request::Join(user, shown) => self.join(user, shown.as_ref()),
            Request::LookUp(ticket) => self.look_up(ticket),
            Request::Leave(ticket) => self.leave(ticket),
            Request::Heartbeat(heartbeat) => self.record(heartbeat),
        }
    }

    fn join(&mut self, user: &UserId, shown: Option<&Ticket>) -> Answer {
        let held = self.held(user);
        if held.is_none()
            && self
                .rows
                .get(user)
                .is_some_and(|row| row.phase != Phase::Ended)
        {
            // The user's row is expired.
            self.remove(user);
        }
        let facts = JoinFacts {
            has_place: held.is_some(),
            reenters: shown.is_some_and(|ticket| self.reenters(ticket)),
            line: self.line && self.queue.waiting > 0,
            waiting: count(self.queue.waiting),
            active: count(self.queue.active),
        };
        let QueueRow {
            terms, admission, ..
        } = &mut self.queue;
        match (facts.decide(terms, admission, self.now), held, shown) {
            (JoinDecision::Keep, Some(row), _) => Answer::Held(self.keep(user, row)),
            (JoinDecision::Reenter, _, Some(ticket)) => Answer::Held(self.reenter(ticket)),
            (JoinDecision::Refuse(why), ..) => {
                Answer::Refused(why, self.queue.terms.view(self.now))
            }
            (JoinDecision::Admit, ..) => Answer::Joined(self.admit(user)),
            (JoinDecision::Wait | JoinDecision::Keep | JoinDecision::Reenter, ..) => {
                Answer::Joined(self.line_up(user, facts.line))
            }
        }
    }

    fn look_up(&mut self, ticket: &Ticket) -> Answer {
        if self.reenters(ticket) {
            return Answer::Held(self.reenter(ticket));
        }
        match self.held(&ticket.user) {
            Some(row) if row.arrival == ticket.arrival => {
                Answer::Held(self.keep(&ticket.user, row))
            }
            _ => Answer::Gone,
        }
    }

    fn leave(&mut self, ticket: &Ticket) -> Answer {
        if self.reenters(ticket) {
            self.forget_end(&ticket.user);
            self.queue.terms.record_lost(ticket, self.now);
            self.remember(&ticket.user, ticket.arrival);
            return Answer::Left;
        }
        match self.held(&ticket.user) {
            Some(row) if row.arrival == ticket.arrival => {
                if row.phase.waits() {
                    self.departures.push(row.arrival);
                    self.queue.departures += 1;
                }
                self.remove(&ticket.user);
                Answer::Left
            }
            _ => Answer::Gone,
        }
    }

    fn record(&mut self, heartbeat: &Heartbeat) -> Answer {
        let user = &heartbeat.user;
        let at = heartbeat.at.min(self.now);
        match self.held(user) {
            Some(row) if row.arrival == heartbeat.arrival => {
                let is_newer = row.since < at;
                let row = if is_newer {
                    self.beat(user, row, at)
                } else {
                    row
                };
                Answer::Held(self.place(user, &row))
            }
            _ => Answer::Gone,
        }
    }

    /// Returns the row of a user's place. None if the user has no place.
    fn held(&self, user: &UserId) -> Option<PlaceRow> {
        let row = self.rows.get(user).copied();
        row.filter(|row| row.is_held(&self.queue, self.now))
    }

    /// Returns true if a ticket restores a place that was lost.
    fn reenters(&self, ticket: &Ticket) -> bool {
        let row = self.rows.get(&ticket.user);
        self.queue.reenters(ticket, row, self.now)
    }

    /// Records a heartbeat of a user and returns their place.
    fn keep(&mut self, user: &UserId, row: PlaceRow) -> Place {
        // Also if the clock has stepped back behind the last heartbeat.
        let row = self.beat(user, row, self.now);
        self.place(user, &row)
    }

    /// Records a heartbeat of a waiting place. A user who stood aside becomes next in line. Returns
    /// the new row.
    fn beat(&mut self, user: &UserId, mut row: PlaceRow, at: Timestamp) -> PlaceRow {
        if !row.phase.waits() {
            return row;
        }
        row.since = at;
        if row.stands_aside(&self.queue) {
            row.phase = Phase::Reentered;
            row.seq = Some(PlaceRow::turn(&self.queue));
            self.queue.aside -= 1;
            self.queue.reentered += 1;
            self.line = true;
        } else if row.phase == Phase::Reentered
            && row.seq.is_some()
            && self.queue.terms.accepts_reentry(self.now)
        {
            // Other users may have re-entered ahead.
            row.seq = Some(PlaceRow::turn(&self.queue));
        }
        self.write(user, row);
        row
    }

    /// Puts the user of a lost ticket back into the line.
    fn reenter(&mut self, ticket: &Ticket) -> Place {
        self.forget_end(&ticket.user);
        let queue = &mut self.queue;
        queue.terms.reenter(ticket, self.now);
        queue.waiting += 1;
        queue.reentered += 1;
        queue.reentered_up_to = queue.reentered_up_to.max(Some(ticket.arrival));
        self.line = true;
        let row = self.new_row(Phase::Reentered, ticket.arrival, None);
        self.write(&ticket.user, row);
        self.place(&ticket.user, &row)
    }

    fn admit(&mut self, user: &UserId) -> Place {
        let arrival = self.next_arrival(user);
        self.queue.active += 1;
        self.queue.at_once_up_to = Some(arrival);
        let row = PlaceRow {
            admitted_at: Some(self.now),
            ..self.new_row(Phase::Admitted, arrival, None)
        };
        self.write(user, row);
        self.place(user, &row)
    }

    fn line_up(&mut self, user: &UserId, line: bool) -> Place {
        let arrival = self.next_arrival(user);
        let queue = &mut self.queue;
        if !line && queue.reentered == 0 {
            // The place of every number so far has left, is expired, or was passed before.
            queue.passed_seq = queue.last_seq;
            queue.passed_arrival = arrival.micros() - 1;
            queue.passed_ends = queue.passed_ends.max(queue.cutoffs(self.now).waiting);
            queue.aside = queue.waiting;
        }
        queue.last_seq += 1;
        queue.line_since = queue.line_since.or(Some(arrival));
        queue.waiting += 1;
        let seq = queue.last_seq;
        self.line = true;
        let row = self.new_row(Phase::Waiting, arrival, Some(seq));
        self.write(user, row);
        self.place(user, &row)
    }

    /// Returns the arrival of a user who gets a new place.
    fn next_arrival(&mut self, user: &UserId) -> Arrival {
        self.forget_end(user);
        self.queue.terms.next_arrival(self.now)
    }

    /// Subtracts a user's remembered end from the counts: another row replaces it.
    fn forget_end(&mut self, user: &UserId) {
        let row = self.rows.get(user);
        self.queue.remembered -= i64::from(row.is_some_and(|row| row.phase == Phase::Ended));
    }

    fn new_row(&self, phase: Phase, arrival: Arrival, seq: Option<i64>) -> PlaceRow {
        PlaceRow {
            arrival,
            seq,
            phase,
            since: self.now,
            admitted_at: None,
            claimed_at: None,
        }
    }

    /// Subtracts the place of a user from the counts. Its row is deleted, or remembers the end
    /// while users may re-enter.
    fn remove(&mut self, user: &UserId) {
        let Some(row) = self.rows.get(user).copied() else {
            return;
        };
        self.queue.count_out(row.phase, row.arrival);
        self.was_idle |= self.queue.waiting + self.queue.active == 0;
        if self.queue.terms.accepts_reentry(self.now) {
            self.remember(user, row.arrival);
        } else {
            self.rows.remove(user);
            self.changed.insert(user.clone(), None);
        }
    }

    /// Remembers that the place of a user with this arrival ended.
    fn remember(&mut self, user: &UserId, arrival: Arrival) {
        self.queue.remembered += 1;
        let row = self.new_row(Phase::Ended, arrival, None);
        self.write(user, row);
    }

    fn write(&mut self, user: &UserId, row: PlaceRow) {
        if self.was_idle && row.phase != Phase::Ended {
            self.was_idle = false;
            self.queue.terms.first_place(self.now);
        }
        self.rows.insert(user.clone(), row);
        self.changed.insert(user.clone(), Some(row));
    }

    fn place(&self, user: &UserId, row: &PlaceRow) -> Place {
        place(self.concert, user, row, &self.queue, self.now)
    }
}

/// Returns a place as its user sees it.
pub(in crate::queue) fn place(
    concert: ConcertId,
    user: &UserId,
    row: &PlaceRow,
    queue: &QueueRow,
    now: Timestamp,
) -> Place {
    Place {
        ticket: Ticket {
            concert,
            user: user.clone(),
            arrival: row.arrival,
            generation: queue.terms.generation,
        },
        standing: row.standing(queue, now),
        queue: queue.terms.view(now),
    }
}

impl QueueRow {
    /// Returns true if a ticket restores a place that was lost. `row` is the user's row, if there
    /// is one.
    pub(in crate::queue) fn reenters(
        &self,
        ticket: &Ticket,
        row: Option<&PlaceRow>,
        now: Timestamp,
    ) -> bool {
        let ended = row.filter(|row| row.phase == Phase::Ended);
        let has_place = row.is_some() && ended.is_none();
        let ended = ended.map(|row| row.arrival);
        !has_place && self.terms.reenters(ticket, ended, now)
    }

    /// Subtracts a place of this phase and arrival from the counts.
    pub(in crate::queue) fn count_out(&mut self, phase: Phase, arrival: Arrival) {
        match phase {
            Phase::Reentered | Phase::Waiting => {
                self.waiting -= 1;
                self.departed += 1;
                self.count_out_of_line(phase, arrival);
            }
            Phase::Admitted | Phase::Claimed => self.active -= 1,
            Phase::Ended => self.remembered -= 1,
        }
    }

    /// Subtracts a waiting place of this phase and arrival from the count of places that are next
    /// in line, or from the count of those that were passed.
    pub(in crate::queue) fn count_out_of_line(&mut self, phase: Phase, arrival: Arrival) {
        if phase == Phase::Reentered {
            self.reentered -= 1;
        } else if self.has_passed(arrival) {
            self.aside -= 1;
        }
    }
}
