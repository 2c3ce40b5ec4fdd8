use std::sync::{
    Mutex,
    atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;
use mockall::Sequence;

use super::*;
use crate::{
    model::queue::{AdmissionWindow, PolicyState, QueueView, Throughput},
    ports::{MockClock, MockQueueTicks, Stamped, TickOutcome, TickReport},
    test_support::*,
};

/// Returns a clock that advances by `millis` ms with every reading.
fn running_clock(millis: i64) -> Arc<MockClock> {
    let now = AtomicI64::new(0);
    let mut clock = MockClock::new();
    clock.expect_now().returning(move || {
        let now = now.fetch_add(millis, Ordering::Relaxed);
        Timestamp::from_millisecond(now).unwrap()
    });
    Arc::new(clock)
}

fn tick(ticks: MockQueueTicks) -> TickQueue {
    TickQueue {
        ticks: Arc::new(ticks),
        statuses: statuses(),
        clock: clock(1),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the port returns a result")]
fn ticked(done: u32, more: bool) -> StoreResult<Stamped<TickOutcome>> {
    Ok(stamped(TickOutcome::Ticked(report(done, more))))
}

/// Returns ticks that answer each call with the next outcome of its list.
fn scripted(
    admissions: Vec<StoreResult<Stamped<TickOutcome>>>,
    expiries: Vec<StoreResult<Stamped<TickOutcome>>>,
) -> MockQueueTicks {
    let mut ticks = MockQueueTicks::new();
    let calls = (admissions.len(), expiries.len());
    let (admissions, expiries) = (Mutex::new(admissions), Mutex::new(expiries));
    let mut order = Sequence::new();
    ticks
        .expect_admit()
        .times(calls.0)
        .in_sequence(&mut order)
        .returning(move |_, _| admissions.lock().unwrap().remove(0));
    ticks
        .expect_expire()
        .times(calls.1)
        .in_sequence(&mut order)
        .returning(move |_, _| expiries.lock().unwrap().remove(0));
    ticks
}

fn empty_report() -> TickReport {
    TickReport {
        waiting: 0,
        active: 0,
        ..report(0, false)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the port returns a result")]
fn reported(report: TickReport) -> StoreResult<Stamped<TickOutcome>> {
    Ok(stamped(TickOutcome::Ticked(report)))
}

#[tokio::test]
async fn a_tick_admits_while_there_is_more_and_then_expires_while_there_is_more() {
    let admissions = vec![ticked(500, true), ticked(500, true), ticked(7, false)];
    let expiries = vec![ticked(500, true), ticked(3, false)];
    let tick = tick(scripted(admissions, expiries));
    let done = tick.run(CONCERT, true).await.unwrap();
    assert_eq!((done.admitted, done.expired), (1_007, 503));
    assert!(!done.expiry_left);
}

#[tokio::test]
async fn a_tick_expires_only_on_request() {
    let tick = tick(scripted(vec![ticked(1, false)], vec![]));
    let done = tick.run(CONCERT, false).await.unwrap();
    assert_eq!((done.admitted, done.expiry_left), (1, true));
    assert!(matches!(done.next, NextTick::After(pause) if !pause.is_zero()));
}

/// Expired places are removed even if admissions use up the budget.
#[tokio::test]
async fn a_tick_leaves_the_rest_to_the_next_one_once_its_budget_is_used() {
    let mut ticks = MockQueueTicks::new();
    ticks
        .expect_admit()
        .times(2..50)
        .returning(|_, _| ticked(500, true));
    ticks
        .expect_expire()
        .once()
        .returning(|_, _| ticked(500, true));
    let tick = TickQueue {
        clock: running_clock(20),
        ..tick(ticks)
    };
    let done = tick.run(CONCERT, true).await.unwrap();
    assert!(done.expiry_left);
    assert_eq!(done.next, NextTick::After(Duration::ZERO));
}

/// A clock that stepped back does not make a tick endless.
#[tokio::test]
async fn a_clock_that_steps_back_ends_the_tick() {
    let mut ticks = MockQueueTicks::new();
    ticks
        .expect_admit()
        .once()
        .returning(|_, _| ticked(500, true));
    ticks
        .expect_expire()
        .once()
        .returning(|_, _| ticked(500, true));
    let tick = TickQueue {
        clock: running_clock(-1_000),
        ..tick(ticks)
    };
    tick.run(CONCERT, true).await.unwrap();
}

/// Each reading of the clock is 40 ms later, and the pace is 34 ms. So the next admission is due
/// before the budget is used, and stays due, even if expiry reports more work.
#[tokio::test]
async fn expiry_gives_way_to_the_next_admission() {
    let short = TickReport {
        throughput: Some(Throughput {
            admit: 2,
            interval: Duration::from_millis(100),
        }),
        ..report(500, true)
    };
    let admission = TickReport {
        more: false,
        ..short
    };
    let mut ticks = MockQueueTicks::new();
    ticks
        .expect_admit()
        .once()
        .returning(move |_, _| reported(admission));
    let mut calls = 0;
    ticks.expect_expire().returning(move |_, _| {
        calls += 1;
        assert!(calls < 100, "expiry does not end");
        reported(short)
    });
    let tick = TickQueue {
        clock: running_clock(40),
        ..tick(ticks)
    };
    let done = tick.run(CONCERT, true).await.unwrap();
    assert_eq!(done.expired, 500);
    assert_eq!(done.next, NextTick::After(Duration::ZERO));
}

/// A call may move past expired places and admit no user. The next call admits users behind them.
#[tokio::test]
async fn a_call_that_only_passes_expired_places_is_followed_by_another_at_once() {
    let tick = tick(scripted(
        vec![ticked(0, true), ticked(2, false)],
        vec![ticked(0, false)],
    ));
    let done = tick.run(CONCERT, true).await.unwrap();
    assert_eq!(done.admitted, 2);
}

#[tokio::test]
async fn a_missing_queue_is_requested_unless_there_is_no_such_concert() {
    for (deleted, next) in [(false, NextTick::Wanted), (true, NextTick::NoSuchConcert)] {
        let missing = Ok(stamped(TickOutcome::NotSeeded));
        let tick = tick(scripted(vec![missing], vec![]));
        if deleted {
            tick.statuses.note_missing(CONCERT);
        }
        let done = tick.run(CONCERT, true).await.unwrap();
        assert_eq!(done.next, next);
        assert_eq!(tick.statuses.take_wanted().contains(&CONCERT), !deleted);
    }
}

/// Windows last 1 s, and the running one started 100 ms ago.
#[tokio::test]
async fn a_queue_is_due_when_a_user_may_be_admitted() {
    let window = AdmissionWindow {
        start: Timestamp::from_millisecond(99_900).unwrap(),
        interval: Duration::from_secs(1),
        admitted: 2,
    };
    let in_use = TickReport {
        window: Some(window),
        ..report(0, false)
    };
    let with = |queue| TickReport { queue, ..in_use };
    let recovering = QueueView {
        recovering: true,
        ..open_queue()
    };
    let paused = QueueView {
        state: PolicyState::Paused,
        ..open_queue()
    };
    let opens = QueueView {
        opens_at: Some(Timestamp::from_millisecond(100_300).unwrap()),
        ..open_queue()
    };
    let after = |millis| NextTick::After(Duration::from_micros(millis));
    for (case, report, next) in [
        ("open", in_use, after(233_334)),
        ("paused", with(paused), after(1_000_000)),
        ("opens soon", with(opens), after(300_000)),
        ("no places", empty_report(), NextTick::Resting),
        (
            "recovering without places",
            TickReport {
                queue: recovering,
                ..empty_report()
            },
            after(1_000_000),
        ),
    ] {
        let tick = tick(scripted(vec![reported(report)], vec![reported(report)]));
        let done = tick.run(CONCERT, true).await.unwrap();
        assert_eq!(done.next, next, "{case}");
    }
}

/// A user has a place in the queue of a concert that was over and is not in the statuses.
#[tokio::test]
async fn a_queue_in_use_that_the_statuses_lack_is_requested() {
    for (concert, report, wanted) in [
        (CONCERT, report(0, false), false),
        (OTHER_CONCERT, report(0, false), true),
        (OTHER_CONCERT, empty_report(), false),
    ] {
        let tick = tick(scripted(vec![reported(report)], vec![reported(report)]));
        tick.run(concert, true).await.unwrap();
        assert_eq!(tick.statuses.take_wanted().contains(&concert), wanted);
    }
}

#[tokio::test]
async fn a_tick_updates_the_recovery_in_the_statuses() {
    let tick = tick(scripted(vec![ticked(0, false)], vec![ticked(0, false)]));
    let recovering = QueueView {
        recovering: true,
        ..open_queue()
    };
    tick.statuses.note_view(CONCERT, recovering);
    assert_eq!(tick.statuses.recovering(), [CONCERT]);
    tick.run(CONCERT, true).await.unwrap();
    assert_eq!(tick.statuses.recovering(), []);
}

#[tokio::test]
async fn a_store_that_fails_is_an_error() {
    let failing = tick(scripted(vec![Err(down())], vec![]));
    assert_eq!(failing.run(CONCERT, true).await, Err(down()));
    let failing = tick(scripted(vec![ticked(1, false)], vec![Err(down())]));
    assert_eq!(failing.run(CONCERT, true).await, Err(down()));
}
