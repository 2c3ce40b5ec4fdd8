//! Who waits in this process for a transaction of their queue's joins.
//!
//! The line has bounds: so many people, each so often, and for so long. Whoever meets one is told that nothing
//! was changed, and to come back.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use frontrow_domain::{
    model::{ConcertId, UserId},
    ports::{Stamped, StoreResult},
};
use tokio::sync::oneshot;

use super::batches::{Answer, Request};
use crate::{clock::monotonic_now, errors};

/// How many wait at most, a queue and process.
const WAITING_MAX: usize = 8_192;

/// How often one user waits at a time at most. Somebody who asks a thousand times at once shall not keep all
/// the others out.
const AGAIN_MAX: u32 = 100;

type Told = StoreResult<Stamped<Answer>>;

/// Somebody who waits for an answer.
pub(super) struct Asked {
    pub(super) request: Request,
    since: Instant,
    reply: oneshot::Sender<Told>,
}

impl Asked {
    /// Since now, and where they are told.
    pub(super) fn new(request: Request) -> (Self, oneshot::Receiver<Told>) {
        let (reply, told) = oneshot::channel();
        let asked = Self {
            request,
            since: monotonic_now(),
            reply,
        };
        (asked, told)
    }

    /// Who is gone misses it.
    pub(super) fn tell(self, answer: Told) {
        let _ = self.reply.send(answer);
    }
}

/// Whether somebody is to serve the queue from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entered {
    /// Nobody does.
    First,
    /// Somebody does.
    Behind,
}

/// The lines of all queues. A queue is listed while a task serves it.
pub(super) struct Waiting {
    /// For how long anybody waits for their transaction to begin.
    pub(super) patience: Duration,
    lines: Mutex<HashMap<ConcertId, Line>>,
}

/// The first to come first.
#[derive(Default)]
struct Line {
    asked: VecDeque<Asked>,
    /// How often each user stands in it.
    times: HashMap<UserId, u32>,
}

impl Line {
    fn enter(&mut self, asked: Asked) -> StoreResult<()> {
        if self.asked.len() >= WAITING_MAX {
            return Err(errors::busy("too many join at once"));
        }
        let times = self.times.entry(asked.request.user().clone()).or_default();
        if *times >= AGAIN_MAX {
            return Err(errors::busy("asked too often at once"));
        }
        *times += 1;
        self.asked.push_back(asked);
        Ok(())
    }

    fn next(&mut self) -> Option<Asked> {
        let asked = self.asked.pop_front()?;
        if let Entry::Occupied(mut times) = self.times.entry(asked.request.user().clone()) {
            *times.get_mut() -= 1;
            if *times.get() == 0 {
                times.remove();
            }
        }
        Some(asked)
    }

    /// Tells those who have waited for longer than `patience`.
    fn let_go(&mut self, patience: Duration) {
        let now = monotonic_now();
        let is_late = |asked: &Asked| now.duration_since(asked.since) > patience;
        while self.asked.front().is_some_and(is_late) {
            if let Some(asked) = self.next() {
                asked.tell(Err(errors::busy("no transaction began in time")));
            }
        }
    }
}

impl Waiting {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            lines: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConcertId, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets somebody wait, if there is room for them.
    pub(super) fn enter(&self, concert: ConcertId, asked: Asked) -> StoreResult<Entered> {
        let mut lines = self.lock();
        let entered = match lines.entry(concert) {
            Entry::Vacant(_) => Entered::First,
            Entry::Occupied(_) => Entered::Behind,
        };
        lines.entry(concert).or_default().enter(asked)?;
        Ok(entered)
    }

    /// Moves those who wait to `batch`, until they are `most`. Who is gone is passed over.
    pub(super) fn board(&self, concert: ConcertId, batch: &mut Vec<Asked>, most: usize) {
        let mut lines = self.lock();
        let Some(line) = lines.get_mut(&concert) else {
            return;
        };
        line.let_go(self.patience);
        while batch.len() < most
            && let Some(asked) = line.next()
        {
            if !asked.reply.is_closed() {
                batch.push(asked);
            }
        }
    }

    /// Tells those who have waited for too long.
    pub(super) fn let_go(&self, concert: ConcertId) {
        if let Some(line) = self.lock().get_mut(&concert) {
            line.let_go(self.patience);
        }
    }

    /// True while anybody waits; once nobody does, the queue is not listed any more.
    pub(super) fn goes_on(&self, concert: ConcertId) -> bool {
        let mut lines = self.lock();
        let empty = lines.get(&concert).is_none_or(|line| line.asked.is_empty());
        if empty {
            lines.remove(&concert);
        }
        !empty
    }

    /// Tells everybody that nobody serves the queue any more; the next to come begins anew.
    pub(super) fn end(&self, concert: ConcertId) {
        let line = self.lock().remove(&concert);
        for asked in line.into_iter().flat_map(|line| line.asked) {
            asked.tell(Err(errors::busy("the joins were given up")));
        }
    }
}

#[cfg(test)]
mod tests {
    use frontrow_domain::ports::StoreError;
    use uuid::Uuid;

    use super::*;

    const CONCERT: ConcertId = ConcertId(Uuid::from_u128(1));

    fn waiting() -> Waiting {
        Waiting::new(Duration::from_secs(5))
    }

    fn asked(user: &str) -> (Asked, oneshot::Receiver<Told>) {
        Asked::new(Request::Join {
            user: UserId::try_from(user).unwrap(),
            shown: None,
        })
    }

    fn is_not_applied<T>(told: &StoreResult<T>) -> bool {
        matches!(told, Err(StoreError::NotApplied { .. }))
    }

    #[test]
    fn who_asks_too_often_at_once_takes_no_room_from_others() {
        let waiting = waiting();
        let mut told = Vec::new();
        let mut refused = 0;
        for _ in 0..1_000 {
            let (ann, answer) = asked("ann");
            told.push(answer);
            refused += u32::from(is_not_applied(&waiting.enter(CONCERT, ann)));
        }
        assert_eq!(refused, 1_000 - AGAIN_MAX);
        let (ben, _told) = asked("ben");
        assert!(waiting.enter(CONCERT, ben).is_ok());
        let mut batch = Vec::new();
        waiting.board(CONCERT, &mut batch, 1);
        let (ann, _told) = asked("ann");
        assert!(waiting.enter(CONCERT, ann).is_ok(), "one of hers is served");
    }

    #[test]
    fn a_line_has_an_end() {
        let waiting = waiting();
        let mut told = Vec::new();
        for number in 0..WAITING_MAX {
            let (somebody, answer) = asked(&format!("user-{number}"));
            told.push(answer);
            waiting.enter(CONCERT, somebody).unwrap();
        }
        let (last, _told) = asked("last");
        assert!(is_not_applied(&waiting.enter(CONCERT, last)));
    }

    #[test]
    fn who_waits_for_too_long_is_told_and_boards_nothing() {
        let waiting = waiting();
        let (mut early, told) = asked("ann");
        early.since = early.since.checked_sub(waiting.patience * 2).unwrap();
        let (late, _told) = asked("ben");
        waiting.enter(CONCERT, early).unwrap();
        waiting.enter(CONCERT, late).unwrap();
        let mut batch = Vec::new();
        waiting.board(CONCERT, &mut batch, 10);
        assert!(is_not_applied(&told.blocking_recv().unwrap()));
        assert_eq!(batch.len(), 1);
    }

    #[test]
    fn who_waits_where_the_service_ends_is_told_that_nothing_was_changed() {
        let waiting = waiting();
        let (ann, told) = asked("ann");
        assert_eq!(waiting.enter(CONCERT, ann), Ok(Entered::First));
        waiting.end(CONCERT);
        assert!(is_not_applied(&told.blocking_recv().unwrap()));
        let (ben, _told) = asked("ben");
        assert_eq!(waiting.enter(CONCERT, ben), Ok(Entered::First));
    }
}
