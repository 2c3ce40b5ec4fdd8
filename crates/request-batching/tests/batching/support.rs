//! An executor whose calls a test answers one by one, and requests that are pending when it says
//! so.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use frontrow_request_batching::{
    Batch, Batcher, Execute, InFlight, Limits, Overload, Priority, SubmitError,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
};

pub(crate) type Key = &'static str;
pub(crate) type Answer = Result<u32, SubmitError<&'static str>>;

/// Shows each call to the test, and does what the test says.
pub(crate) struct Directed {
    calls: mpsc::UnboundedSender<Call>,
}

enum Order {
    Board(oneshot::Sender<Vec<u32>>),
    Hand(oneshot::Sender<Batch<Directed>>),
    Return(Result<Vec<u32>, &'static str>),
    Panic,
}

impl Execute for Directed {
    type Key = Key;
    type User = u32;
    type Request = u32;
    type Response = u32;
    type Error = &'static str;

    async fn execute(&self, key: &Key, batch: Batch<Self>) -> Result<Vec<u32>, &'static str> {
        let (orders, mut received) = mpsc::unbounded_channel();
        let requests = batch.requests().to_vec();
        let call = Call {
            key,
            requests,
            orders,
        };
        self.calls.send(call).expect("the test is over");
        let mut batch = Some(batch);
        loop {
            match received.recv().await {
                Some(Order::Board(added)) => {
                    let batch = batch.as_mut().unwrap();
                    let before = batch.requests().len();
                    let count = batch.board();
                    let new = batch.requests()[before..].to_vec();
                    assert_eq!(new.len(), count);
                    added.send(new).unwrap();
                }
                Some(Order::Hand(to)) => drop(to.send(batch.take().unwrap())),
                Some(Order::Return(outcome)) => return outcome,
                Some(Order::Panic) => panic!("as the test wants it"),
                // The test has forgotten the call.
                None => return std::future::pending().await,
            }
        }
    }
}

/// A call in flight. Forgotten, it never ends.
pub(crate) struct Call {
    pub(crate) key: Key,
    pub(crate) requests: Vec<u32>,
    orders: mpsc::UnboundedSender<Order>,
}

impl Call {
    fn order(&self, order: Order) {
        assert!(self.orders.send(order).is_ok(), "the call is over");
    }

    /// Ends the call: each request's response is its number.
    pub(crate) fn answer(self) {
        let responses = self.requests.clone();
        self.end(Ok(responses));
    }

    pub(crate) fn end(self, outcome: Result<Vec<u32>, &'static str>) {
        self.order(Order::Return(outcome));
    }

    pub(crate) fn panic(self) {
        self.order(Order::Panic);
    }

    /// Boards what came; says what that was.
    pub(crate) async fn board(&mut self) -> Vec<u32> {
        let (added, new) = oneshot::channel();
        self.order(Order::Board(added));
        let new = new.await.unwrap();
        self.requests.extend(&new);
        new
    }

    pub(crate) async fn hand_over_batch(&self) -> Batch<Directed> {
        let (to, batch) = oneshot::channel();
        self.order(Order::Hand(to));
        batch.await.unwrap()
    }
}

/// A batcher with a directed executor.
pub(crate) struct Room {
    pub(crate) batcher: Batcher<Directed>,
    calls: mpsc::UnboundedReceiver<Call>,
}

/// Bounds that no test meets by chance.
pub(crate) fn wide() -> Limits {
    Limits {
        batch_max: 4,
        pending_max: 10_000,
        pending_per_user_max: 100,
        queue_timeout: Duration::from_secs(5),
        calls_per_key_max: 1,
        calls_max: 10_000,
        in_flight: InFlight::Fixed(10_000),
    }
}

impl Room {
    pub(crate) fn new(limits: Limits) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        Self {
            batcher: Batcher::new(limits, Directed { calls: sender }),
            calls,
        }
    }

    /// The next call to begin.
    pub(crate) async fn call(&mut self) -> Call {
        self.calls.recv().await.unwrap()
    }

    /// The next call, which has begun by now unless something else has to happen first.
    pub(crate) async fn call_by_now(&mut self) -> Option<Call> {
        settle().await;
        self.calls.try_recv().ok()
    }

    /// A request of a user of its own, pending by now or refused.
    pub(crate) async fn ask(&self, key: Key, request: u32) -> Asked {
        self.ask_as(key, request, Priority::Normal, request).await
    }

    pub(crate) async fn ask_all(
        &self,
        key: Key,
        requests: impl IntoIterator<Item = u32>,
    ) -> Vec<Asked> {
        let mut asked = Vec::new();
        for request in requests {
            asked.push(self.ask(key, request).await);
        }
        asked
    }

    pub(crate) async fn ask_with(&self, key: Key, priority: Priority, request: u32) -> Asked {
        self.ask_as(key, request, priority, request).await
    }

    pub(crate) async fn ask_as(
        &self,
        key: Key,
        user: u32,
        priority: Priority,
        request: u32,
    ) -> Asked {
        let batcher = self.batcher.clone();
        let mut future: Pin<Box<dyn Future<Output = Answer> + Send>> =
            Box::pin(async move { batcher.submit(key, user, priority, request).await });
        let answer = poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => Poll::Ready(None),
        })
        .await;
        Asked { future, answer }
    }

    /// Checks that nothing is left.
    pub(crate) async fn assert_is_idle(&self) {
        settle().await;
        let stats = self.batcher.stats();
        let left = (stats.pending, stats.in_flight, stats.calls, stats.keys);
        assert_eq!(left, (0, 0, 0, 0), "{stats:?}");
    }
}

/// A request. Dropped, its caller is gone.
pub(crate) struct Asked {
    future: Pin<Box<dyn Future<Output = Answer> + Send>>,
    answer: Option<Answer>,
}

impl Asked {
    pub(crate) async fn answer(self) -> Answer {
        match self.answer {
            Some(answer) => answer,
            None => self.future.await,
        }
    }
}

pub(crate) fn refused(why: Overload) -> Answer {
    Err(SubmitError::Overloaded(why))
}

pub(crate) async fn answers(asked: Vec<Asked>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for asked in asked {
        answers.push(asked.answer().await);
    }
    answers
}

/// Lets all tasks run until each waits for something, on the runtime of one thread that the tests
/// have.
pub(crate) async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}
