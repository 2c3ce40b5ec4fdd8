//! Requests from many threads at the same time.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use frontrow_request_batching::{Batch, Batcher, Execute, InFlight, Limits, Priority};
use tokio::task::{JoinSet, yield_now};

use crate::support::wide;

/// Answers each request with its number, after other tasks were able to run.
#[derive(Default)]
struct Echo {
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

#[derive(Clone, Default)]
struct ToEcho(Arc<Echo>);

impl Execute for ToEcho {
    type Key = u32;
    type User = u32;
    type Request = u32;
    type Response = u32;
    type Error = ();

    async fn execute(&self, _: &u32, mut batch: Batch<Self>) -> Result<Vec<u32>, ()> {
        yield_now().await;
        batch.board();
        let requests = batch.take();
        let count = requests.len();
        let in_flight = self.0.in_flight.fetch_add(count, Ordering::SeqCst) + count;
        self.0.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        yield_now().await;
        self.0.in_flight.fetch_sub(count, Ordering::SeqCst);
        Ok(requests)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_threads_get_their_answers_and_the_batcher_becomes_idle() {
    let echo = ToEcho::default();
    let limits = Limits {
        in_flight: InFlight::Fixed(16),
        calls_per_key_max: 2,
        ..wide()
    };
    let batcher = Batcher::new(limits, echo.clone());
    let mut tasks = JoinSet::new();
    for user in 0..64 {
        let batcher = batcher.clone();
        tasks.spawn(async move {
            for request in 0..200 {
                let submit = || batcher.submit(request % 3, user / 2, Priority::Normal, request);
                // Every seventh caller leaves at once, before or after its call begins.
                if request % 7 == 0 {
                    let mut leaving = pin!(submit());
                    poll_fn(|cx| Poll::Ready(leaving.as_mut().poll(cx).is_ready())).await;
                } else {
                    assert_eq!(submit().await, Ok(request));
                }
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    // A call whose callers have all left may still run.
    while batcher.stats().calls > 0 {
        yield_now().await;
    }
    let stats = batcher.stats();
    assert_eq!((stats.pending, stats.in_flight, stats.keys), (0, 0, 0));
    assert!(echo.0.most_in_flight.load(Ordering::SeqCst) <= 16);
}
