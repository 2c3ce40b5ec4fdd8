//! The batcher on a store of one thread, in virtual time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use frontrow_request_batching::{
    Adaptive, Batch, Batcher, Execute, InFlight, Limits, Priority, SubmitError,
};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::support::wide;

const MS: Duration = Duration::from_millis(1);

#[expect(
    clippy::disallowed_methods,
    reason = "the time of the runtime, which is paused"
)]
fn now() -> Instant {
    Instant::now()
}

/// A store that serves one request after the other.
struct Store {
    cost_per_request: Duration,
    free_at: Mutex<Instant>,
    longest: Mutex<Duration>,
}

#[derive(Clone)]
struct ToStore(Arc<Store>);

impl Execute for ToStore {
    type Key = u32;
    type User = u32;
    type Request = ();
    type Response = ();
    type Error = ();

    async fn execute(&self, _: &u32, batch: Batch<Self>) -> Result<Vec<()>, ()> {
        let count = batch.requests().len();
        let began = now();
        let done = {
            let mut free_at = self.0.free_at.lock().unwrap();
            let cost = self.0.cost_per_request * u32::try_from(count).unwrap();
            *free_at = (*free_at).max(began) + cost;
            *free_at
        };
        sleep_until(done + MS).await;
        let mut longest = self.0.longest.lock().unwrap();
        *longest = (*longest).max(began.elapsed());
        Ok(vec![(); count])
    }
}

/// Overloads a store that serves `per_second` requests per second: each of 4 keys always has many
/// requests pending. Returns the number of requests served in 10 s, the longest call and the limit.
async fn overload(per_second: u32) -> (usize, Duration, usize) {
    let store = Arc::new(Store {
        cost_per_request: Duration::from_secs(1) / per_second,
        free_at: Mutex::new(now()),
        longest: Mutex::default(),
    });
    let limits = Limits {
        batch_max: 100,
        queue_timeout: Duration::from_mins(1),
        calls_per_key_max: 16,
        in_flight: InFlight::Adaptive(Adaptive::default()),
        ..wide()
    };
    let batcher = Batcher::new(limits, ToStore(Arc::clone(&store)));
    let users: Vec<_> = (0..1_600)
        .map(|user| {
            let batcher = batcher.clone();
            tokio::spawn(async move {
                let mut served = 0;
                let serve = async {
                    loop {
                        let answer = batcher.submit(user % 4, user, Priority::Normal, ()).await;
                        assert_eq!(answer, Ok(()));
                        served += 1;
                    }
                };
                let _ = timeout(Duration::from_secs(10), serve).await;
                served
            })
        })
        .collect();
    let mut served = 0;
    for user in users {
        served += user.await.unwrap();
    }
    let longest = *store.longest.lock().unwrap();
    (served, longest, batcher.stats().in_flight_limit)
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_is_used_and_its_calls_stay_short() {
    for per_second in [4_000, 400] {
        let (served, longest, limit) = overload(per_second).await;
        let capacity = per_second as usize * 10;
        println!("{served} of {capacity}, in {longest:?} at most, limit {limit}");
        assert!(served * 10 >= capacity * 9, "{served} of {capacity}");
        assert!(longest < 200 * MS, "{longest:?}");
        assert!(limit < 500, "{limit}");
    }
}

/// An executor whose calls all time out.
struct TimesOut;

impl Execute for TimesOut {
    type Key = ();
    type User = u32;
    type Request = ();
    type Response = ();
    type Error = &'static str;

    async fn execute(&self, (): &(), _: Batch<Self>) -> Result<Vec<()>, &'static str> {
        sleep(MS).await;
        Err("timed out")
    }

    fn has_timed_out(&self, error: &&'static str) -> bool {
        *error == "timed out"
    }
}

#[tokio::test(start_paused = true)]
async fn time_outs_that_the_executor_reports_lower_the_limit() {
    let limits = Limits {
        in_flight: InFlight::Adaptive(Adaptive {
            initial: 100,
            ..Adaptive::default()
        }),
        ..wide()
    };
    let batcher = Batcher::new(limits, TimesOut);
    for expected in [70, 49, 34] {
        let answer = batcher.submit((), 1, Priority::Normal, ()).await;
        assert_eq!(answer, Err(SubmitError::Failed("timed out")));
        assert_eq!(batcher.stats().in_flight_limit, expected);
    }
}
