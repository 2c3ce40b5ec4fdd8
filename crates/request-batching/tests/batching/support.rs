//! An executor whose calls a test answers one by one, and requests that are pending as soon as the
//! test submits them.

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

/// An executor that sends each call to the test, and executes the orders of the test.
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
                Some(Order::Panic) => panic!("ordered by the test"),
                // The test has dropped the call.
                None => return std::future::pending().await,
            }
        }
    }
}

/// A call in flight. If it is dropped, it never ends.
pub(crate) struct Call {
    pub(crate) key: Key,
    pub(crate) requests: Vec<u32>,
    orders: mpsc::UnboundedSender<Order>,
}

impl Call {
    fn order(&self, order: Order) {
        assert!(self.orders.send(order).is_ok(), "the call is over");
    }

    /// Ends the call. The response to each request is its number.
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

    /// Lets the call board the requests that came since it began, and returns them.
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

/// A batcher with a [`Directed`] executor.
pub(crate) struct Fixture {
    pub(crate) batcher: Batcher<Directed>,
    calls: mpsc::UnboundedReceiver<Call>,
}

/// Returns bounds that no test reaches by chance.
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

impl Fixture {
    pub(crate) fn new(limits: Limits) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        Self {
            batcher: Batcher::new(limits, Directed { calls: sender }),
            calls,
        }
    }

    /// Returns the next call to begin.
    pub(crate) async fn call(&mut self) -> Call {
        self.calls.recv().await.unwrap()
    }

    /// Returns the next call, after all tasks have run. None if no call has begun.
    pub(crate) async fn call_if_begun(&mut self) -> Option<Call> {
        settle().await;
        self.calls.try_recv().ok()
    }

    /// Submits a request of a separate user. It is pending, or refused, when this returns.
    pub(crate) async fn submit(&self, key: Key, request: u32) -> Submission {
        self.submit_as(key, request, Priority::Normal, request)
            .await
    }

    pub(crate) async fn submit_all(
        &self,
        key: Key,
        requests: impl IntoIterator<Item = u32>,
    ) -> Vec<Submission> {
        let mut submitted = Vec::new();
        for request in requests {
            submitted.push(self.submit(key, request).await);
        }
        submitted
    }

    pub(crate) async fn submit_with_priority(
        &self,
        key: Key,
        priority: Priority,
        request: u32,
    ) -> Submission {
        self.submit_as(key, request, priority, request).await
    }

    pub(crate) async fn submit_as(
        &self,
        key: Key,
        user: u32,
        priority: Priority,
        request: u32,
    ) -> Submission {
        let batcher = self.batcher.clone();
        let mut future: Pin<Box<dyn Future<Output = Answer> + Send>> =
            Box::pin(async move { batcher.submit(key, user, priority, request).await });
        let answer = poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => Poll::Ready(None),
        })
        .await;
        Submission { future, answer }
    }

    /// Asserts that the batcher has no request, call or key.
    pub(crate) async fn assert_is_idle(&self) {
        settle().await;
        let stats = self.batcher.stats();
        let left = (stats.pending, stats.in_flight, stats.calls, stats.keys);
        assert_eq!(left, (0, 0, 0, 0), "{stats:?}");
    }
}

/// A request. Its caller is gone if this is dropped.
pub(crate) struct Submission {
    future: Pin<Box<dyn Future<Output = Answer> + Send>>,
    answer: Option<Answer>,
}

impl Submission {
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

pub(crate) async fn answers(submitted: Vec<Submission>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for submitted in submitted {
        answers.push(submitted.answer().await);
    }
    answers
}

/// Lets all tasks run until each of them waits, on the single thread of the tests' runtime.
pub(crate) async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}
