//! What the jobs do to a queue.

use frontrow_domain::ports::TickReport;
use jiff::Timestamp;

use super::ModelQueue;

impl ModelQueue {
    pub(crate) fn admit(&mut self, now: Timestamp, limit: u32) -> TickReport {
        self.serve(now);
        let mut work = 0;
        let mut more = false;
        // The window is looked at only where there is somebody to admit.
        while self.waiting_count(now) > 0 {
            if self.room(now) == 0 {
                break;
            }
            if work == limit {
                more = true;
                break;
            }
            self.move_head(now);
            work += 1;
        }
        self.report(now, work, more)
    }

    /// Admits the head of the line, or removes it where its life is over.
    fn move_head(&mut self, now: Timestamp) {
        let Some(head) = self.waiting.first().cloned() else {
            return;
        };
        if self.waits(&head, now) {
            self.make_active(head.user.clone(), head.arrival, now);
            self.waiting.remove(0);
            self.departed += 1;
            self.admitted.push(head.arrival);
        } else {
            self.end_place_of(&head.user);
        }
    }

    pub(crate) fn expire(&mut self, now: Timestamp, limit: u32) -> TickReport {
        self.serve(now);
        let mut work = 0;
        for user in self.over(now) {
            if work < limit {
                self.end_place_of(&user);
                work += 1;
            }
        }
        let more = !self.over(now).is_empty();
        self.report(now, work, more)
    }

    fn report(&mut self, now: Timestamp, done: u32, more: bool) -> TickReport {
        if self.waiting.is_empty() && self.active.is_empty() && !self.gives_places_back(now) {
            self.forgotten = self.left.len();
        }
        TickReport {
            done,
            more,
            waiting: self.waiting_count(now) as u64,
            active: self.active_count(now) as u64,
            departed: self.departed,
            admitted: self.admitted.len() as u64,
            throughput: self.rules().throughput,
            window: self.shown_window(),
            queue: self.view(now),
        }
    }
}
