//! The history of a queue: its state at each instant.

use frontrow_domain::model::queue::{Place, Standing};
use jiff::Timestamp;

use crate::model::ModelQueue;

/// How old an answer may be, in microseconds.
pub(super) const MAX_AGE: i64 = 500_000;

/// The state of a queue from some moment on.
#[derive(Debug)]
struct Moment {
    /// The passed time at that moment.
    passed: i64,
    /// The store's time at that moment.
    at: Timestamp,
    /// None if the store had lost it.
    queue: Option<ModelQueue>,
}

/// The moments of a queue, in order.
#[derive(Debug, Default)]
pub(super) struct History {
    moments: Vec<Moment>,
}

impl History {
    pub(super) fn record(&mut self, passed: i64, at: Timestamp, queue: &ModelQueue) {
        self.moments.push(Moment {
            passed,
            at,
            queue: Some(queue.clone()),
        });
    }

    pub(super) fn lose(&mut self, passed: i64) {
        let at = self.moments.last().map_or(Timestamp::MIN, |last| last.at);
        self.moments.push(Moment {
            passed,
            at,
            queue: None,
        });
    }

    /// Returns why an answer of `place` as of `as_of`, at the time `passed`, is wrong or too late.
    /// None if it is neither.
    pub(super) fn contradicts(
        &self,
        place: &Place,
        as_of: Timestamp,
        passed: i64,
        max_age: i64,
    ) -> Option<String> {
        let mut newest_why = None;
        for (number, moment) in self.moments.iter().enumerate().rev() {
            if let Some(next) = self.moments.get(number + 1)
                && next.passed < passed - max_age
            {
                break;
            }
            if !self.was_at(number, as_of, passed, max_age) {
                continue;
            }
            match moment.contradicts(place, as_of) {
                None => return None,
                why => newest_why = newest_why.or(why),
            }
        }
        newest_why.or_else(|| Some("no moment of the last 500 ms had that instant".to_owned()))
    }

    /// Returns true if `as_of` was within the moment of this number, and recently enough.
    fn was_at(&self, number: usize, as_of: Timestamp, passed: i64, max_age: i64) -> bool {
        let Some(moment) = self.moments.get(number) else {
            return false;
        };
        let since = as_of.as_microsecond() - moment.at.as_microsecond();
        let then = moment.passed + since;
        let until = self
            .moments
            .get(number + 1)
            .map_or(passed, |next| next.passed);
        since >= 0 && then <= until && then >= passed - max_age
    }
}

impl Moment {
    fn contradicts(&self, place: &Place, as_of: Timestamp) -> Option<String> {
        let Some(queue) = &self.queue else {
            return Some("the store had lost the queue".to_owned());
        };
        let Some(truth) = queue.place_of(&place.ticket.user, as_of) else {
            return Some("there was no such place".to_owned());
        };
        if (&truth.ticket, truth.queue) != (&place.ticket, place.queue) {
            return Some(format!("the truth was {truth:?}"));
        }
        let (gone_ahead, _) = queue.gone_around(&truth, as_of);
        match (truth.standing, place.standing) {
            (
                Standing::Waiting {
                    position: truly,
                    admitted: truly_admitted,
                    ..
                },
                Standing::Waiting {
                    position, admitted, ..
                },
            ) if admitted == truly_admitted && (truly..=truly + gone_ahead).contains(&position) => {
                None
            }
            (truth, _) => Some(format!("the truth was {truth:?}")),
        }
    }
}
