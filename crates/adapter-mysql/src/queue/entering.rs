//! What comes of the joins in a batch, one after the other: decided here, without I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use frontrow_domain::model::{
    ConcertId, UserId,
    queue::{Arrival, JoinRefusal, Place, Standing, Ticket},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    batches::{Answer, Request},
    head::{Head, count},
    look_up::Whose,
    places::{Phase, PlaceRow},
    tail::Tail,
};

/// A queue while a batch of joins enters it.
#[derive(Debug)]
pub(super) struct Entering {
    pub(super) concert: ConcertId,
    pub(super) now: Timestamp,
    /// True where the head is locked, so that it may be changed.
    pub(super) locks_head: bool,
    /// True where that would have been needed.
    pub(super) wants_head: bool,
    pub(super) head: Head,
    pub(super) head_before: Head,
    pub(super) tail: Tail,
    /// True when anybody waits.
    pub(super) line: bool,
    /// How many wait, where that matters.
    pub(super) waiting: u64,
    /// How many places count as active, where that matters.
    pub(super) occupied: u64,
    /// The rows of the users in the batch.
    pub(super) rows: HashMap<UserId, PlaceRow>,
    /// Their new places, in the order in which rows are locked.
    pub(super) entered: BTreeMap<UserId, PlaceRow>,
    /// Whose places have ended, and who got no new ones: they ask in vain, and need not be tidied up after.
    pub(super) turned_away: BTreeSet<UserId>,
    /// The arrivals of those who came back after a loss.
    pub(super) came_back: Vec<Arrival>,
    /// The arrivals of those who had come back, and whose ended places new ones have replaced.
    pub(super) replaced: Vec<Arrival>,
}

impl Entering {
    /// What comes of a request, after those before it.
    pub(super) fn answer(&mut self, request: Request) -> Answer {
        match request {
            Request::Join { user, shown } => self.join(user, shown.as_ref()),
            Request::Return(ticket) => {
                if self.holds_place(&ticket.user) || self.take_back(&ticket) {
                    Answer::Has
                } else {
                    Answer::Gone
                }
            }
        }
    }

    /// True when there is anything to write.
    pub(super) fn changes_anything(&self) -> bool {
        self.changes_tail() || self.head != self.head_before
    }

    /// True when the tail is to be written.
    pub(super) fn changes_tail(&self) -> bool {
        !self.entered.is_empty() || !self.turned_away.is_empty()
    }

    /// The new places as the parameter of a statement; none where there are none.
    pub(super) fn new_rows(&self) -> Option<String> {
        let row = |(user, row): (&UserId, &PlaceRow)| {
            let admitted_at = row
                .phase
                .is_active()
                .then(|| row.admitted_at.as_microsecond());
            json!([
                user.as_str(),
                row.arrival.micros(),
                row.seq,
                row.phase as i8,
                row.since.as_microsecond(),
                admitted_at,
            ])
        };
        let list: Value = self.entered.iter().map(row).collect();
        (!self.entered.is_empty()).then(|| list.to_string())
    }

    /// How many of the new places are written over rows that were there.
    pub(super) fn rewritten(&self) -> usize {
        let there = |user: &&UserId| self.rows.contains_key(*user);
        self.entered.keys().filter(there).count()
    }

    fn join(&mut self, user: UserId, shown: Option<&Ticket>) -> Answer {
        if self.holds_place(&user) || shown.is_some_and(|ticket| self.take_back(ticket)) {
            return Answer::Has;
        }
        match self.enter(&user) {
            Ok(place) => Answer::Entered(place),
            Err(refusal) => {
                self.turn_away(user);
                Answer::Refused(refusal, self.head.view(self.now))
            }
        }
    }

    fn holds_place(&self, user: &UserId) -> bool {
        let lives = self.head.lives(self.now);
        let row = self.entered.get(user).or_else(|| self.rows.get(user));
        row.is_some_and(|row| row.is_held(&lives, self.now))
    }

    /// Lets the place of `ticket` re-enter, if it is from before a loss and can come back.
    fn take_back(&mut self, ticket: &Ticket) -> bool {
        let known = self.rows.contains_key(&ticket.user) || self.entered.contains_key(&ticket.user);
        if known || !self.head.takes_back(ticket, self.now) {
            return false;
        }
        if !self.locks_head {
            self.wants_head = true;
            return false;
        }
        // New joins come after everybody who was there before.
        self.tail.last_arrival = self.tail.last_arrival.max(Some(ticket.arrival));
        self.tail.came_back += 1;
        self.head.back_in_line += 1;
        self.came_back.push(ticket.arrival);
        self.line_up(ticket.user.clone(), ticket.arrival, None);
        true
    }

    /// Gives `user`, who has no place, a new one.
    fn enter(&mut self, user: &UserId) -> Result<Place, JoinRefusal> {
        let state = self.head.state(self.now);
        if let Some(refusal) = state.refuses_joins() {
            return Err(refusal);
        }
        // Asked only where nobody waits: it is an attempt to admit, which starts the first window.
        let at_once = !self.line && self.locks_head && self.head.room(self.occupied, self.now) > 0;
        let most = self.head.policy().max_waiting.unwrap_or(u64::MAX);
        if !at_once && self.waiting >= most {
            return Err(JoinRefusal::Full);
        }
        self.replace(user);
        let arrival = Arrival::after(self.tail.last_arrival, self.now);
        self.tail.last_arrival = Some(arrival);
        let standing = if at_once {
            self.admit(user.clone(), arrival)
        } else {
            self.stand_behind(user.clone(), arrival)
        };
        let whose = Whose {
            concert: self.concert,
            user: user.clone(),
        };
        Ok(self.head.place(&whose, arrival, standing, self.now))
    }

    fn admit(&mut self, user: UserId, arrival: Arrival) -> Standing {
        self.head.admitted_at_once += 1;
        self.head.note_admitted(1, self.now);
        self.occupied += 1;
        let row = PlaceRow {
            arrival,
            seq: None,
            phase: Phase::Admitted,
            since: self.now,
            admitted_at: self.now,
            claimed_at: self.now,
        };
        self.entered.insert(user, row);
        Standing::Active {
            admitted_at: self.now,
            until: self.head.lives(self.now).claim_end(self.now),
            claimed: false,
        }
    }

    fn stand_behind(&mut self, user: UserId, arrival: Arrival) -> Standing {
        if !self.line && self.locks_head {
            // All who have a number have left.
            self.head.passed_seq = self.tail.last_seq;
        }
        self.tail.last_seq += 1;
        let seq = self.tail.last_seq;
        self.line_up(user, arrival, Some(seq));
        Standing::Waiting {
            position: count(seq - self.head.passed_seq).max(1) + count(self.head.back_in_line),
            // No arrival is later than the last.
            behind: 0,
            admitted: count(self.head.admitted),
        }
    }

    fn line_up(&mut self, user: UserId, arrival: Arrival, seq: Option<i64>) {
        self.line = true;
        self.waiting += 1;
        let row = PlaceRow {
            arrival,
            seq,
            phase: if seq.is_some() {
                Phase::Waiting
            } else {
                Phase::Back
            },
            since: self.now,
            admitted_at: self.now,
            claimed_at: self.now,
        };
        self.entered.insert(user, row);
    }

    /// Counts out the ended place of `user`, who gets no new one.
    fn turn_away(&mut self, user: UserId) {
        let row = self.rows.get(&user).filter(|row| row.phase.ends()).copied();
        if let Some(row) = row {
            self.replace(&user);
            self.rows.insert(user.clone(), row.over());
            self.turned_away.insert(user);
        }
    }

    /// Counts out the ended place of `user`, whose row a new one replaces, or nothing.
    fn replace(&mut self, user: &UserId) {
        let Some(row) = self.rows.get(user).copied() else {
            return;
        };
        if row.phase.counts_in_line() {
            self.tail.removed_waiting += 1;
            if row.seq.is_none() {
                self.wants_head |= !self.locks_head;
                self.head.back_in_line -= 1;
                self.replaced.push(row.arrival);
            }
        } else if row.phase.counts_as_active() {
            self.tail.removed_active += 1;
        }
    }
}
