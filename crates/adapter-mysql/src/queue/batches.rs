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
    mem,
    pin::pin,
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
use tokio::time::timeout;

use super::{
    MySqlQueue,
    waiting::{Asked, Entered, Waiting},
};

/// How many share a transaction at most: it holds the tail's lock for a few milliseconds then.
pub(super) const BATCH_MAX: usize = 256;

/// What a caller wants.
#[derive(Debug, Clone)]
pub(super) enum Request {
    /// A place for `user`, or the one that they have; `shown` came along.
    Join { user: UserId, shown: Option<Ticket> },
    /// The place of a ticket from before a loss.
    Return(Ticket),
}

impl Request {
    /// Whose place it is about.
    pub(super) fn user(&self) -> &UserId {
        match self {
            Self::Join { user, .. } => user,
            Self::Return(ticket) => &ticket.user,
        }
    }
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

/// Those who share a transaction.
pub(super) struct Batch {
    pub(super) concert: ConcertId,
    waiting: Arc<Waiting>,
    asked: Mutex<Vec<Asked>>,
    head: AtomicBool,
    store: AtomicBool,
}

/// Serves a queue. Should that end before its time, those who wait are told so, and the next to come begins
/// anew.
struct Service {
    waiting: Arc<Waiting>,
    concert: ConcertId,
    /// True once the queue is not listed any more, unless somebody else serves it by now.
    done: bool,
}

impl Service {
    /// Does `work`, and tells those meanwhile who have waited for too long: so nobody waits for more than twice
    /// as long as they should.
    async fn meanwhile<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            match timeout(self.waiting.patience, work.as_mut()).await {
                Ok(done) => return done,
                Err(_) => self.waiting.let_go(self.concert),
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if !self.done {
            self.waiting.end(self.concert);
        }
    }
}

impl Batch {
    fn board(&self) {
        let mut asked = self.lock();
        self.waiting.board(self.concert, &mut asked, BATCH_MAX);
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
                    asked.tell(Ok(answer));
                }
            }
            Err(failure) => {
                for asked in asked {
                    asked.tell(Err(failure.clone()));
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
        let (asked, answer) = Asked::new(request);
        if self.waiting().enter(concert, asked)? == Entered::First {
            let service = Service {
                waiting: Arc::clone(self.waiting()),
                concert,
                done: false,
            };
            // For everybody who comes, from whichever worker.
            drop(self.calls().at_home(self.clone().serve(service)));
        }
        let lost = || StoreError::outcome_unknown("the joins' transaction ended without an answer");
        answer.await.unwrap_or_else(|_| Err(lost()))
    }

    /// One transaction after the other, until nobody waits.
    async fn serve(self, mut service: Service) {
        let concert = service.concert;
        while service.waiting.goes_on(concert) {
            let batch = Arc::new(Batch {
                concert,
                waiting: Arc::clone(&service.waiting),
                asked: Mutex::default(),
                head: AtomicBool::new(false),
                store: AtomicBool::new(false),
            });
            batch.board();
            let joining = self.join_together(Arc::clone(&batch));
            let answers = service.meanwhile(joining).await;
            batch.answer(answers);
        }
        service.done = true;
    }
}
