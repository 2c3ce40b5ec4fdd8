//! Requests that come from several runtimes, some of which end.

use std::time::Duration;

use frontrow_request_batching::{
    Batch, Batcher, Execute, InFlight, Limits, Overload, Priority, SubmitError,
};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::support::{Asked, Key, Room, refused, wide};

/// Runs nothing unless the test drives it.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn drive(runtime: &Runtime) {
    runtime.block_on(crate::support::settle());
}

fn answer(runtime: &Runtime, asked: Asked) -> crate::support::Answer {
    runtime.block_on(asked.answer())
}

fn call(runtime: &Runtime, room: &mut Room) -> crate::support::Call {
    runtime.block_on(room.call())
}

#[test]
fn a_call_whose_runtime_ends_is_lost_and_others_are_served() {
    let (ending, lasting) = (runtime(), runtime());
    let mut room = Room::new(wide());
    let _first = ending.block_on(room.ask("a", 1));
    let joined = lasting.block_on(room.ask("a", 2));
    let in_flight = call(&ending, &mut room);
    assert_eq!(in_flight.requests, [1, 2]);
    let pending = lasting.block_on(room.ask("a", 3));
    drop(ending);
    assert_eq!(answer(&lasting, joined), Err(SubmitError::Lost));
    let next = call(&lasting, &mut room);
    assert_eq!(next.requests, [3]);
    next.answer();
    assert_eq!(answer(&lasting, pending), Ok(3));
    lasting.block_on(room.assert_is_idle());
}

#[test]
fn a_call_that_never_ran_was_not_begun() {
    let (ending, lasting) = (runtime(), runtime());
    let mut room = Room::new(wide());
    let first = ending.block_on(room.ask("a", 1));
    let waits_behind = ending.block_on(room.ask("a", 2));
    let other = lasting.block_on(room.ask("a", 3));
    drop(ending);
    assert_eq!(answer(&lasting, first), refused(Overload::Closed));
    assert_eq!(answer(&lasting, waits_behind), refused(Overload::Closed));
    let next = call(&lasting, &mut room);
    assert_eq!(next.requests, [3]);
    next.answer();
    assert_eq!(answer(&lasting, other), Ok(3));
    lasting.block_on(room.assert_is_idle());
}

#[test]
fn requests_of_a_runtime_that_has_ended_hold_up_nobody() {
    let (ending, lasting) = (runtime(), runtime());
    let mut room = Room::new(Limits {
        in_flight: InFlight::Fixed(1),
        ..wide()
    });
    let first = lasting.block_on(room.ask("first", 0));
    let in_flight = call(&lasting, &mut room);
    // Each of these keys would begin a call on the runtime that has ended, one after the other.
    let keys: Vec<Key> = (0..5_000)
        .map(|number| &*Box::leak(number.to_string().into_boxed_str()))
        .collect();
    let mut dead = Vec::new();
    for (key, request) in keys.into_iter().zip(1..) {
        dead.push(ending.block_on(room.ask(key, request)));
    }
    let other = lasting.block_on(room.ask("other", 9_000));
    drop(ending);
    in_flight.answer();
    assert_eq!(answer(&lasting, first), Ok(0));
    let next = call(&lasting, &mut room);
    assert_eq!(next.requests, [9_000]);
    next.answer();
    assert_eq!(answer(&lasting, other), Ok(9_000));
    for asked in dead {
        assert_eq!(answer(&lasting, asked), refused(Overload::Closed));
    }
    lasting.block_on(room.assert_is_idle());
}

#[test]
fn room_that_a_call_turns_out_not_to_need_is_given_to_others() {
    let (slow, lasting) = (runtime(), runtime());
    let mut room = Room::new(Limits {
        in_flight: InFlight::Fixed(4),
        ..wide()
    });
    let first = lasting.block_on(room.ask_all("first", 1..=4));
    let in_flight = call(&lasting, &mut room);
    let staying = slow.block_on(room.ask("a", 5));
    let leaving = slow.block_on(room.ask_all("a", 6..=8));
    let other = lasting.block_on(room.ask("b", 9));
    in_flight.answer();
    // The call of "a" has begun with room for 4, and its runtime has not run it yet.
    drive(&lasting);
    assert_eq!(room.batcher.stats().in_flight, 4);
    drop(leaving);
    assert!(lasting.block_on(room.call_by_now()).is_none());
    let a = call(&slow, &mut room);
    assert_eq!(a.requests, [5]);
    let b = call(&lasting, &mut room);
    assert_eq!(b.requests, [9]);
    a.answer();
    b.answer();
    assert_eq!(answer(&slow, staying), Ok(5));
    assert_eq!(answer(&lasting, other), Ok(9));
    drop(first);
    lasting.block_on(room.assert_is_idle());
}

/// Runs all calls on a runtime of its own.
struct AtHome {
    home: Handle,
}

impl Execute for AtHome {
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
    let executor = AtHome {
        home: home.handle().clone(),
    };
    let batcher = Batcher::new(wide(), executor);
    for user in 0..3 {
        let said = runtime().block_on(batcher.submit((), user, Priority::Normal, ()));
        assert_eq!(said, Ok(true));
    }
    home.shutdown_timeout(Duration::from_secs(10));
    let said = runtime().block_on(batcher.submit((), 0, Priority::Normal, ()));
    assert_eq!(said, Err(SubmitError::Overloaded(Overload::Closed)));
    assert_eq!(batcher.stats().keys, 0);
}
