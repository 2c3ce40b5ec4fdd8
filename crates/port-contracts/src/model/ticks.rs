//! The calls that jobs make to a queue.

use frontrow_domain::ports::TickReport;
use jiff::Timestamp;

use super::{ModelQueue, queue::Situation};

impl ModelQueue {
    pub(crate) fn admit(&mut self, now: Timestamp, limit: u32) -> TickReport {
        self.record_losses(now);
        self.serve(now);
        let mut work = 0;
        let mut more = false;
        // The window is evaluated only if there is a user to admit.
        while self.has_turn(now) {
            if self.room(now) == 0 {
                break;
            }
            if work == limit {
                more = true;
                break;
            }
            work += u32::from(self.move_head(now));
        }
        self.report(now, work, more)
    }

    /// Returns true if there is a user whose turn may have come. *Bypass* admits every waiting
    /// user.
    fn has_turn(&self, now: Timestamp) -> bool {
        self.has_line(now) || (self.is_bypass(now) && self.waiting_count(now) > 0)
    }

    fn is_bypass(&self, now: Timestamp) -> bool {
        self.situation(now) == Situation::Bypass
    }

    /// Admits the head of the line, removes it if it has expired, or lets it stand aside. Returns
    /// false if it stands aside.
    fn move_head(&mut self, now: Timestamp) -> bool {
        let bypass = self.is_bypass(now);
        let mut line = self.waiting.iter();
        let head = line.position(|place| bypass || !place.is_aside);
        let Some(number) = head else {
            return true;
        };
        let head = self.waiting[number].clone();
        if !self.waits(&head, now) {
            self.end_place_of(&head.user);
            return true;
        }
        self.admitted_up_to = self.admitted_up_to.max(Some(head.arrival));
        if !bypass && self.is_absent(&head, now) {
            self.waiting[number].is_aside = true;
            return false;
        }
        self.make_active(head.user.clone(), head.arrival, now);
        self.waiting.remove(number);
        self.departed += 1;
        self.admitted.push(head.arrival);
        true
    }

    pub(crate) fn expire(&mut self, now: Timestamp, limit: u32) -> TickReport {
        self.record_losses(now);
        self.serve(now);
        let mut work = 0;
        for user in self.expired(now) {
            if work < limit {
                self.end_place_of(&user);
                work += 1;
            }
        }
        let more = !self.expired(now).is_empty();
        if !more {
            self.replaced_active = 0;
        }
        self.report(now, work, more)
    }

    fn report(&mut self, now: Timestamp, done: u32, more: bool) -> TickReport {
        if self.waiting.is_empty() && self.active.is_empty() && !self.takes_reentries(now) {
            self.forgotten = self.departures.len();
        }
        TickReport {
            done,
            more,
            waiting: self.waiting_count(now) as u64,
            aside: self.aside_count(now) as u64,
            active: self.active_count(now) as u64,
            departed: self.departed,
            admitted: self.admitted.len() as u64,
            policy_version: self.policy.version,
            throughput: self.rules().throughput,
            window: self.shown_window(),
            queue: self.view(now),
        }
    }
}
