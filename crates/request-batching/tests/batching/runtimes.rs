//! Requests from several runtimes, some of which end.

use std::time::Duration;

use frontrow_request_batching::{
    Batch, Batcher, Execute, InFlight, Limits, Overload, Priority, SubmitError,
};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::support::{Fixture, Key, Submission, refused, wide};

/// Returns a runtime that runs tasks only while the test drives it.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn drive(runtime: &Runtime) {
    runtime.block_on(crate::support::settle());
}

fn answer(runtime: &Runtime, submitted: Submission) -> crate::support::Answer {
    runtime.block_on(submitted.answer())
}

fn call(runtime: &Runtime, fixture: &mut Fixture) -> crate::support::Call {
    runtime.block_on(fixture.call())
}

#[test]
fn a_call_whose_runtime_ends_is_lost_and_others_are_served() {
    let (ending, lasting) = (runtime(), runtime());
    let mut fixture = Fixture::new(wide());
    let _first = ending.block_on(fixture.submit("a", 1));
    let joined = lasting.block_on(fixture.submit("a", 2));
    let in_flight = call(&ending, &mut fixture);
    assert_eq!(in_flight.requests, [1, 2]);
    let pending = lasting.block_on(fixture.submit("a", 3));
    drop(ending);
    assert_eq!(answer(&lasting, joined), Err(SubmitError::Lost));
    let next = call(&lasting, &mut fixture);
    assert_eq!(next.requests, [3]);
    next.answer();
    assert_eq!(answer(&lasting, pending), Ok(3));
    lasting.block_on(fixture.assert_is_idle());
}

#[test]
fn requests_of_a_call_that_never_ran_are_refused() {
    let (ending, lasting) = (runtime(), runtime());
    let mut fixture = Fixture::new(wide());
    let first = ending.block_on(fixture.submit("a", 1));
    let waits_behind = ending.block_on(fixture.submit("a", 2));
    let other = lasting.block_on(fixture.submit("a", 3));
    drop(ending);
    assert_eq!(answer(&lasting, first), refused(Overload::Closed));
    assert_eq!(answer(&lasting, waits_behind), refused(Overload::Closed));
    let next = call(&lasting, &mut fixture);
    assert_eq!(next.requests, [3]);
    next.answer();
    assert_eq!(answer(&lasting, other), Ok(3));
    lasting.block_on(fixture.assert_is_idle());
}

#[test]
fn requests_of_an_ended_runtime_do_not_hold_up_others() {
    let (ending, lasting) = (runtime(), runtime());
    let mut fixture = Fixture::new(Limits {
        in_flight: InFlight::Fixed(1),
        ..wide()
    });
    let first = lasting.block_on(fixture.submit("first", 0));
    let in_flight = call(&lasting, &mut fixture);
    // Each of these keys would begin a call on the runtime that has ended, one after the other.
    let keys: Vec<Key> = (0..5_000)
        .map(|number| &*Box::leak(number.to_string().into_boxed_str()))
        .collect();
    let mut dead = Vec::new();
    for (key, request) in keys.into_iter().zip(1..) {
        dead.push(ending.block_on(fixture.submit(key, request)));
    }
    let other = lasting.block_on(fixture.submit("other", 9_000));
    drop(ending);
    in_flight.answer();
    assert_eq!(answer(&lasting, first), Ok(0));
    let next = call(&lasting, &mut fixture);
    assert_eq!(next.requests, [9_000]);
    next.answer();
    assert_eq!(answer(&lasting, other), Ok(9_000));
    for submitted in dead {
        assert_eq!(answer(&lasting, submitted), refused(Overload::Closed));
    }
    lasting.block_on(fixture.assert_is_idle());
}

#[test]
fn capacity_that_a_call_does_not_use_is_given_to_others() {
    let (slow, lasting) = (runtime(), runtime());
    let mut fixture = Fixture::new(Limits {
        in_flight: InFlight::Fixed(4),
        ..wide()
    });
    let first = lasting.block_on(fixture.submit_all("first", 1..=4));
    let in_flight = call(&lasting, &mut fixture);
    let staying = slow.block_on(fixture.submit("a", 5));
    let leaving = slow.block_on(fixture.submit_all("a", 6..=8));
    let other = lasting.block_on(fixture.submit("b", 9));
    in_flight.answer();
    // The call of "a" has begun with capacity for 4, and its runtime has not run it yet.
    drive(&lasting);
    assert_eq!(fixture.batcher.stats().in_flight, 4);
    drop(leaving);
    assert!(lasting.block_on(fixture.call_if_begun()).is_none());
    let a = call(&slow, &mut fixture);
    assert_eq!(a.requests, [5]);
    let b = call(&lasting, &mut fixture);
    assert_eq!(b.requests, [9]);
    a.answer();
    b.answer();
    assert_eq!(answer(&slow, staying), Ok(5));
    assert_eq!(answer(&lasting, other), Ok(9));
    drop(first);
    lasting.block_on(fixture.assert_is_idle());
}

/// Runs all calls on a runtime of its own.
struct OwnRuntime {
    home: Handle,
}

impl Execute for OwnRuntime {
    type Key = ();
    type User = u32;
    type Request = ();
    type Response = bool;
    type Error = ();

    async fn execute(&self, (): &(), mut batch: Batch<Self>) -> Result<Vec<bool>, ()> {
        let is_home = Handle::current().id() == self.home.id();
        Ok(batch.take().into_iter().map(|()| is_home).collect())
    }

    fn spawn(&self, _: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        self.home.spawn(task);
    }
}

#[test]
fn an_executor_may_choose_where_calls_run() {
    let home = Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let executor = OwnRuntime {
        home: home.handle().clone(),
    };
    let batcher = Batcher::new(wide(), executor);
    for user in 0..3 {
        let answer = runtime().block_on(batcher.submit((), user, Priority::Normal, ()));
        assert_eq!(answer, Ok(true));
    }
    home.shutdown_timeout(Duration::from_secs(10));
    let answer = runtime().block_on(batcher.submit((), 0, Priority::Normal, ()));
    assert_eq!(answer, Err(SubmitError::Overloaded(Overload::Closed)));
    assert_eq!(batcher.stats().keys, 0);
}
