//! Which heartbeats are written to the store, and when.

use super::*;
use crate::model::queue::{GatePurpose, Heartbeat};

/// The heartbeats that were written to the store, call by call.
pub(super) type Written = Arc<Mutex<Vec<Vec<Heartbeat>>>>;

/// Returns a fixture whose store accepts heartbeats after it has failed `fails` times.
pub(super) fn with_heartbeats(look_ups: usize, fails: usize) -> (TestSnapshots, Written) {
    let store = TestSnapshots::new(0, 0).store;
    let mut queue = MockQueue::new();
    let state = Arc::clone(&store);
    queue.expect_look_up().times(look_ups).returning(move |_| {
        let store = state.lock().unwrap();
        store.answer(LookUpOutcome::Found(store.place.clone()))
    });
    let mut line = MockQueueSnapshots::new();
    let state = Arc::clone(&store);
    line.expect_snapshot().returning(move |_, _| {
        let store = state.lock().unwrap();
        if store.snapshots_fail {
            return Err(down());
        }
        store.answer(SnapshotOutcome::Seen(store.line.clone()))
    });
    let written = Written::default();
    let (calls, state) = (Arc::clone(&written), Arc::clone(&store));
    let mut left = fails;
    line.expect_record_heartbeats()
        .returning(move |_, heartbeats| {
            if left > 0 {
                left -= 1;
                return Err(down());
            }
            calls.lock().unwrap().push(heartbeats.to_vec());
            let store = state.lock().unwrap();
            let found = heartbeats.iter().map(|heartbeat| {
                let ticket = Ticket {
                    user: heartbeat.user.clone(),
                    arrival: heartbeat.arrival,
                    ..ticket()
                };
                let place = Place {
                    ticket,
                    ..store.place.clone()
                };
                Stamped {
                    as_of: store.now,
                    value: LookUpOutcome::Found(place),
                }
            });
            Ok(found.collect())
        });
    (TestSnapshots::of(store, queue, line, 2_000), written)
}

fn heartbeat(at: Timestamp) -> Heartbeat {
    Heartbeat {
        user: alice(),
        arrival: ticket().arrival,
        at,
    }
}

#[tokio::test]
async fn a_heartbeat_is_written_once_and_late_with_its_own_instant() {
    let (fixture, written) = with_heartbeats(1, 0);
    fixture.position().await;
    fixture.advance(20_000);
    fixture.position().await;
    fixture.advance(10_000);
    fixture.position().await;
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(0));
    fixture.advance(20_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*written.lock().unwrap(), [[heartbeat(at(130))]]);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(0));
}

/// The store returns the place when a heartbeat is written, so the user is not looked up again.
#[tokio::test]
async fn a_user_who_polls_here_is_looked_up_in_the_store_once() {
    let (fixture, written) = with_heartbeats(1, 0);
    for second in 0..600 {
        if second % 29 == 0 {
            fixture.position().await;
        }
        fixture.advance(1_000);
        fixture.shared.flush_heartbeats().await.unwrap();
    }
    let heartbeats = written.lock().unwrap().len();
    assert!((10..=20).contains(&heartbeats), "{heartbeats}");
}

#[tokio::test]
async fn the_position_is_the_one_that_the_store_returns_for_a_heartbeat() {
    let (fixture, _) = with_heartbeats(1, 0);
    assert_eq!(fixture.position().await, (5, at(100)));
    fixture.advance(20_000);
    fixture.position().await;
    // A user ahead has left.
    fixture.store.lock().unwrap().place = waiting(4);
    fixture.advance(29_000);
    assert_eq!(fixture.position().await.0, 5);
    fixture.advance(1_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(fixture.position().await, (4, at(150)));
}

#[tokio::test]
async fn a_user_who_leaves_during_a_flush_is_not_cached() {
    let (fixture, _) = with_heartbeats(2, 0);
    fixture.position().await;
    let cache = fixture.shared.cache(CONCERT);
    let version = cache.version();
    fixture.shared.leave(&ticket()).await.unwrap();
    let found = Stamped {
        as_of: at(101),
        value: LookUpOutcome::Found(waiting(5)),
    };
    cache.apply_answers(version, &[heartbeat(at(100))], &[found]);
    fixture.position().await; // asks the store again
}

#[tokio::test]
async fn a_place_that_is_gone_at_a_flush_is_looked_up_in_the_store() {
    let (fixture, _) = with_heartbeats(2, 0);
    fixture.position().await;
    let cache = fixture.shared.cache(CONCERT);
    let found = Stamped {
        as_of: at(101),
        value: LookUpOutcome::Gone,
    };
    cache.apply_answers(cache.version(), &[heartbeat(at(100))], &[found]);
    fixture.position().await; // asks the store again
}

#[tokio::test]
async fn a_silent_user_is_removed_without_a_store_call() {
    let (fixture, written) = with_heartbeats(2, 0);
    fixture.position().await;
    fixture.advance(50_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(0));
    assert!(fixture.shared.cache(CONCERT).has_entries());
    fixture.advance(25_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(0));
    assert!(written.lock().unwrap().is_empty());
    assert!(!fixture.shared.cache(CONCERT).has_entries());
    fixture.position().await;
}

#[tokio::test]
async fn a_heartbeat_that_could_not_be_written_is_written_the_next_time() {
    let (fixture, written) = with_heartbeats(1, 2);
    fixture.position().await;
    fixture.advance(20_000);
    fixture.position().await;
    fixture.advance(30_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Err(down()));
    assert_eq!(fixture.shared.flush_heartbeats().await, Err(down()));
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*written.lock().unwrap(), [[heartbeat(at(120))]]);
}

/// The flush still returns the failure.
#[tokio::test]
async fn heartbeats_are_written_while_snapshots_fail() {
    let (fixture, written) = with_heartbeats(1, 0);
    fixture.position().await;
    fixture.advance(20_000);
    fixture.position().await;
    fixture.store.lock().unwrap().snapshots_fail = true;
    fixture.advance(29_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Err(down()));
    assert!(written.lock().unwrap().is_empty());
    fixture.advance(1_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Err(down()));
    assert_eq!(*written.lock().unwrap(), [[heartbeat(at(120))]]);
}

#[tokio::test]
async fn an_answer_from_a_stale_snapshot_is_a_heartbeat_of_its_instant() {
    let (fixture, written) = with_heartbeats(1, 0);
    fixture.position().await;
    fixture.advance(20_000);
    fixture.position().await;
    fixture.advance(3_000);
    fixture.refresh().await;
    fixture.store.lock().unwrap().snapshots_fail = true;
    fixture.advance(4_000);
    assert_eq!(fixture.position().await, (5, at(123)));
    fixture.store.lock().unwrap().snapshots_fail = false;
    fixture.advance(23_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*written.lock().unwrap(), [[heartbeat(at(123))]]);
}

#[tokio::test]
async fn a_user_whom_the_store_has_found_since_has_no_heartbeat_to_write() {
    let (fixture, written) = with_heartbeats(2, 0);
    fixture.position().await;
    fixture.advance(20_000);
    fixture.position().await;
    fixture.advance(55_000);
    fixture.position().await; // asks the store again
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(0));
    fixture.advance(75_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(0));
    assert!(written.lock().unwrap().is_empty());
}

/// The user has polled other instances meanwhile. A heartbeat that is already due is written at
/// once.
#[tokio::test]
async fn the_heartbeat_of_a_user_who_returns_after_a_silence_is_written_at_once() {
    let (fixture, written) = with_heartbeats(1, 0);
    fixture.position().await;
    fixture.advance(55_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(0));
    fixture.advance(5_000);
    fixture.position().await;
    fixture.advance(1_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*written.lock().unwrap(), [[heartbeat(at(160))]]);
    // They are cached until a quarter of the waiting time to live after the store's answer.
    fixture.advance(74_000);
    fixture.position().await;
}

/// Otherwise the store would lack the user's heartbeats for one poll longer than the line allows.
#[tokio::test]
async fn the_next_heartbeat_is_due_by_the_one_that_the_store_has() {
    let (fixture, written) = with_heartbeats(1, 0);
    fixture.position().await;
    fixture.advance(20_000);
    fixture.position().await;
    fixture.advance(30_000);
    fixture.position().await; // at 150
    fixture.advance(1_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(1));
    fixture.advance(9_000);
    fixture.position().await; // at 160
    fixture.advance(39_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(0));
    fixture.advance(1_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(
        *written.lock().unwrap(),
        [[heartbeat(at(150))], [heartbeat(at(160))]]
    );
}

/// Otherwise the store would take a user whom it refuses under overload for absent.
#[tokio::test]
async fn a_request_that_the_store_refuses_is_a_heartbeat() {
    let (fixture, written) = with_heartbeats(0, 1);
    let mut queue = MockQueue::new();
    queue.expect_look_up().returning(|_| Err(down()));
    queue.expect_pass_gate().returning(|_, _| Err(down()));
    queue.expect_join().returning(|_, _, _| Err(down()));
    let fixture = fixture.with_queue(queue);
    assert_eq!(fixture.look_up(&ticket()).await, Err(down()));
    fixture.advance(1_000);
    let passed = fixture
        .shared
        .pass_gate(&ticket(), GatePurpose::Browse)
        .await;
    assert_eq!(passed, Err(down()));
    assert_eq!(fixture.shared.flush_heartbeats().await, Err(down()));
    fixture.advance(1_000);
    let joined = fixture.shared.join(CONCERT, &alice(), Some(ticket())).await;
    assert_eq!(joined, Err(down()));
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*written.lock().unwrap(), [[heartbeat(at(102))]]);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(0));
}

#[tokio::test]
async fn a_refused_heartbeat_that_keeps_no_place_is_dropped() {
    let (fixture, written) = with_heartbeats(0, 0);
    let mut queue = MockQueue::new();
    queue.expect_look_up().returning(|_| Err(down()));
    let fixture = fixture.with_queue(queue);
    assert_eq!(fixture.look_up(&ticket()).await, Err(down()));
    let ttl = line().waiting_ttl;
    fixture.advance(i64::try_from(ttl.as_millis()).unwrap());
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(0));
    assert!(written.lock().unwrap().is_empty());
    assert!(!fixture.shared.cache(CONCERT).has_entries());
}

/// The store had an old heartbeat when it was last asked, because it could not be reached
/// before.
#[tokio::test]
async fn no_user_is_shown_as_waiting_for_longer_than_their_last_heartbeat_allows() {
    let (fixture, _) = with_heartbeats(2, 0);
    fixture.position().await;
    let cache = fixture.shared.cache(CONCERT);
    fixture.advance(290_000);
    fixture.refresh().await;
    let found = Stamped {
        as_of: at(390),
        value: LookUpOutcome::Found(waiting(5)),
    };
    cache.apply_answers(cache.version(), &[heartbeat(at(100))], &[found]);
    fixture.advance(10_000);
    fixture.position().await; // asks the store, because the place may have expired
}

#[tokio::test]
async fn a_shorter_waiting_ttl_makes_heartbeats_due_at_once() {
    let (fixture, written) = with_heartbeats(1, 0);
    fixture.position().await;
    fixture.advance(40_000);
    fixture.position().await;
    fixture.change_line(|line| {
        line.policy_version = PolicyVersion(2);
        line.waiting_ttl = Duration::from_mins(1);
    });
    fixture.advance(1_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*written.lock().unwrap(), [[heartbeat(at(140))]]);
}

#[tokio::test]
async fn a_heartbeat_is_held_back_for_at_most_two_polls_however_long_places_live() {
    let (fixture, written) = with_heartbeats(1, 0);
    fixture.change_line(|line| line.waiting_ttl = Duration::from_hours(1));
    fixture.position().await;
    fixture.advance(40_000);
    fixture.position().await;
    fixture.advance(19_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(0));
    fixture.advance(1_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*written.lock().unwrap(), [[heartbeat(at(140))]]);
}

#[tokio::test]
async fn a_clock_that_stepped_back_holds_no_heartbeat_back() {
    let (fixture, written) = with_heartbeats(1, 0);
    fixture.position().await;
    fixture.advance(10_000);
    fixture.position().await;
    fixture.advance(1_000);
    fixture.store.lock().unwrap().now = at(10);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*written.lock().unwrap(), [[heartbeat(at(110))]]);
}

#[tokio::test]
async fn many_heartbeats_are_written_in_bounded_calls() {
    let (fixture, written) = with_heartbeats(1, 0);
    fixture.position().await;
    let cache = fixture.shared.cache(CONCERT);
    let count = Heartbeat::BATCH_MAX * 2;
    let tickets: Vec<_> = (0..count)
        .map(|number| Ticket {
            arrival: Arrival::from_micros(10 + i64::try_from(number).unwrap()),
            ..ticket()
        })
        .collect();
    for ticket in &tickets {
        let place = Place {
            ticket: ticket.clone(),
            ..waiting(5)
        };
        cache.note(cache.version(), &place, at(100));
    }
    fixture.advance(1_000);
    for ticket in &tickets {
        let found = fixture.look_up(ticket).await.unwrap();
        assert_eq!(found.as_of, at(101));
    }
    fixture.advance(50_000);
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(count as u64));
    let sizes: Vec<_> = written.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [Heartbeat::BATCH_MAX, Heartbeat::BATCH_MAX]);
}
