//! Joins that come together share a transaction.
//!
//! A durable commit takes as long for two hundred joins as for one, and all of them need the row of the
//! queue's tail, so one by one they would wait for each other's commits. Here those who come while a
//! transaction is under way wait in their process, and the next transaction takes all of them, also those
//! who come while it waits for the tail's lock.
//!
//! Each caller is told what came of the transaction that they were in: its failure, whether it was *not
//! applied* or its *outcome is unknown*, is the failure of all of them. A caller who is gone before their
//! turn is passed over; one who goes later is served all the same.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{JoinRefusal, Place, QueueView, Ticket},
    },
    ports::{Stamped, StoreError, StoreResult},
};
use tokio::sync::oneshot;

use super::MySqlQueue;
use crate::errors;

/// How many share a transaction at most: it holds the tail's lock for a few milliseconds then.
pub(super) const BATCH_MAX: usize = 256;

/// How many wait for a transaction at most, a queue and process; who comes then is told to come back.
const WAITING_MAX: usize = 8_192;

/// What a caller wants.
#[derive(Debug, Clone)]
pub(super) enum Request {
    /// A place for `user`, or the one that they have; `shown` came along.
    Join { user: UserId, shown: Option<Ticket> },
    /// The place of a ticket from before a loss.
    Return(Ticket),
}

/// What a caller gets.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// A new place.
    Entered(Place),
    /// The user has a place, which is to be looked up.
    Has,
    /// The queue takes nobody now.
    Refused(JoinRefusal, QueueView),
    /// The place of the ticket has ended.
    Gone,
    /// The store has no such queue.
    NotSeeded,
}

type Reply = oneshot::Sender<StoreResult<Stamped<Answer>>>;

struct Asked {
    request: Request,
    reply: Reply,
}

/// Who waits for a transaction. A queue is listed while a task serves it.
#[derive(Default)]
pub(super) struct Waiting(Mutex<HashMap<ConcertId, VecDeque<Asked>>>);

/// Those who share a transaction.
pub(super) struct Batch {
    pub(super) concert: ConcertId,
    waiting: Arc<Waiting>,
    asked: Mutex<Vec<Asked>>,
    head: AtomicBool,
    store: AtomicBool,
}

enum Entered {
    /// Nobody serves the queue yet.
    First,
    Behind,
    TooMany,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, HashMap<ConcertId, VecDeque<Asked>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, concert: ConcertId, asked: Asked) -> Entered {
        match self.lock().entry(concert) {
            Entry::Vacant(place) => {
                place.insert(VecDeque::from([asked]));
                Entered::First
            }
            Entry::Occupied(line) if line.get().len() >= WAITING_MAX => Entered::TooMany,
            Entry::Occupied(mut line) => {
                line.get_mut().push_back(asked);
                Entered::Behind
            }
        }
    }

    /// Moves those who wait to `batch`, as many as share a transaction.
    fn board(&self, concert: ConcertId, batch: &mut Vec<Asked>) {
        let mut lines = self.lock();
        let Some(line) = lines.get_mut(&concert) else {
            return;
        };
        while batch.len() < BATCH_MAX
            && let Some(asked) = line.pop_front()
        {
            if !asked.reply.is_closed() {
                batch.push(asked);
            }
        }
    }

    /// True while anybody waits; once nobody does, the queue is not listed any more.
    fn goes_on(&self, concert: ConcertId) -> bool {
        let mut lines = self.lock();
        let empty = lines.get(&concert).is_none_or(VecDeque::is_empty);
        if empty {
            lines.remove(&concert);
        }
        !empty
    }
}

/// Serves a queue. Should that end before its time, those who wait are let go, and the next to come begins
/// anew.
struct Service {
    waiting: Arc<Waiting>,
    concert: ConcertId,
    /// True once the queue is not listed any more, unless somebody else serves it by now.
    done: bool,
}

impl Drop for Service {
    fn drop(&mut self) {
        if !self.done {
            self.waiting.lock().remove(&self.concert);
        }
    }
}

impl Batch {
    fn board(&self) {
        let mut asked = self.lock();
        self.waiting.board(self.concert, &mut asked);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What everybody in it wants, with those who have come by now.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.board();
        let asked = self.lock();
        asked.iter().map(|asked| asked.request.clone()).collect()
    }

    /// True once it has turned out that the head's lock is needed.
    pub(super) fn needs_head(&self) -> bool {
        self.head.load(Ordering::Relaxed)
    }

    /// Says that the head's lock is needed.
    pub(super) fn need_head(&self) {
        self.head.store(true, Ordering::Relaxed);
    }

    /// True once all signs of life that came before it are in the store.
    pub(super) fn trusts_store(&self) -> bool {
        self.store.load(Ordering::Relaxed)
    }

    /// Says that all signs of life that came before it are in the store.
    pub(super) fn trust_store(&self) {
        self.store.store(true, Ordering::Relaxed);
    }

    fn answer(&self, answers: StoreResult<Vec<Stamped<Answer>>>) {
        let asked = mem::take(&mut *self.lock());
        match answers {
            Ok(answers) => {
                for (asked, answer) in asked.into_iter().zip(answers) {
                    // Who is gone needs no answer.
                    let _ = asked.reply.send(Ok(answer));
                }
            }
            Err(failure) => {
                for asked in asked {
                    let _ = asked.reply.send(Err(failure.clone()));
                }
            }
        }
    }
}

impl MySqlQueue {
    /// Asks for something in the next transaction of the queue's joins.
    pub(super) async fn ask(
        &self,
        concert: ConcertId,
        request: Request,
    ) -> StoreResult<Stamped<Answer>> {
        let (reply, answer) = oneshot::channel();
        match self.waiting().enter(concert, Asked { request, reply }) {
            Entered::First => drop(tokio::spawn(self.clone().serve(concert))),
            Entered::Behind => {}
            Entered::TooMany => return Err(errors::busy("too many join at once")),
        }
        let lost = || StoreError::outcome_unknown("the joins' transaction ended without an answer");
        answer.await.unwrap_or_else(|_| Err(lost()))
    }

    /// One transaction after the other, until nobody waits.
    async fn serve(self, concert: ConcertId) {
        let mut service = Service {
            waiting: Arc::clone(self.waiting()),
            concert,
            done: false,
        };
        while service.waiting.goes_on(concert) {
            let batch = Arc::new(Batch {
                concert,
                waiting: Arc::clone(&service.waiting),
                asked: Mutex::default(),
                head: AtomicBool::new(false),
                store: AtomicBool::new(false),
            });
            batch.board();
            let answers = self.join_together(Arc::clone(&batch)).await;
            batch.answer(answers);
        }
        service.done = true;
    }
}
