//! Which heartbeats are written to the store, and when.

use super::*;
use crate::model::queue::{GatePurpose, Heartbeat};

/// The heartbeats that were written to the store, call by call.
pub(super) type Told = Arc<Mutex<Vec<Vec<Heartbeat>>>>;

/// A stage whose store accepts heartbeats, after failing `fails` times.
pub(super) fn telling(look_ups: usize, fails: usize) -> (TestSnapshots, Told) {
    let store = TestSnapshots::new(0, 0).store;
    let mut queue = MockQueue::new();
    let says = Arc::clone(&store);
    queue.expect_look_up().times(look_ups).returning(move |_| {
        let store = says.lock().unwrap();
        store.says(LookUpOutcome::Found(store.place.clone()))
    });
    let mut line = MockQueueSnapshots::new();
    let says = Arc::clone(&store);
    line.expect_snapshot().returning(move |_, _| {
        let store = says.lock().unwrap();
        if store.looks_fail {
            return Err(down());
        }
        store.says(SnapshotOutcome::Seen(store.line.clone()))
    });
    let told = Told::default();
    let (calls, says) = (Arc::clone(&told), Arc::clone(&store));
    let mut left = fails;
    line.expect_record_heartbeats()
        .returning(move |_, heartbeats| {
            if left > 0 {
                left -= 1;
                return Err(down());
            }
            calls.lock().unwrap().push(heartbeats.to_vec());
            let store = says.lock().unwrap();
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
    (TestSnapshots::of(store, queue, line, 2_000), told)
}

fn heartbeat(at: Timestamp) -> Heartbeat {
    Heartbeat {
        user: alice(),
        arrival: ticket().arrival,
        at,
    }
}

#[tokio::test]
async fn a_sign_is_told_once_and_late_with_its_own_instant() {
    let (stage, told) = telling(1, 0);
    stage.position().await;
    stage.pass(20_000);
    stage.position().await;
    stage.pass(10_000);
    stage.position().await;
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(0));
    stage.pass(20_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*told.lock().unwrap(), [[heartbeat(at(130))]]);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(0));
}

/// The store returns the place when a heartbeat is written, so it is not asked again.
#[tokio::test]
async fn who_polls_here_is_looked_up_in_the_store_once() {
    let (stage, told) = telling(1, 0);
    for second in 0..600 {
        if second % 29 == 0 {
            stage.position().await;
        }
        stage.pass(1_000);
        stage.shared.flush_heartbeats().await.unwrap();
    }
    let heartbeats = told.lock().unwrap().len();
    assert!((10..=20).contains(&heartbeats), "{heartbeats}");
}

#[tokio::test]
async fn the_position_is_what_the_store_tells_with_a_heartbeat() {
    let (stage, _) = telling(1, 0);
    assert_eq!(stage.position().await, (5, at(100)));
    stage.pass(20_000);
    stage.position().await;
    // A user ahead has left.
    stage.store.lock().unwrap().place = waiting(4);
    stage.pass(29_000);
    assert_eq!(stage.position().await.0, 5);
    stage.pass(1_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(stage.position().await, (4, at(150)));
}

#[tokio::test]
async fn who_leaves_while_the_store_is_told_is_not_remembered() {
    let (stage, _) = telling(2, 0);
    stage.position().await;
    let cache = stage.shared.cache(CONCERT);
    let version = cache.version();
    stage.shared.leave(&ticket()).await.unwrap();
    let found = Stamped {
        as_of: at(101),
        value: LookUpOutcome::Found(waiting(5)),
    };
    cache.told(version, &[heartbeat(at(100))], &[found]);
    stage.position().await; // asks the store again
}

#[tokio::test]
async fn a_place_that_is_gone_when_the_store_is_told_is_asked_of_it() {
    let (stage, _) = telling(2, 0);
    stage.position().await;
    let cache = stage.shared.cache(CONCERT);
    let found = Stamped {
        as_of: at(101),
        value: LookUpOutcome::Gone,
    };
    cache.told(cache.version(), &[heartbeat(at(100))], &[found]);
    stage.position().await; // asks the store again
}

#[tokio::test]
async fn a_silent_user_is_forgotten_without_a_store_call() {
    let (stage, told) = telling(2, 0);
    stage.position().await;
    stage.pass(50_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(0));
    assert!(stage.shared.cache(CONCERT).remembers_anybody());
    stage.pass(25_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(0));
    assert!(told.lock().unwrap().is_empty());
    assert!(!stage.shared.cache(CONCERT).remembers_anybody());
    stage.position().await;
}

#[tokio::test]
async fn what_could_not_be_told_is_told_the_next_time() {
    let (stage, told) = telling(1, 2);
    stage.position().await;
    stage.pass(20_000);
    stage.position().await;
    stage.pass(30_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Err(down()));
    assert_eq!(stage.shared.flush_heartbeats().await, Err(down()));
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*told.lock().unwrap(), [[heartbeat(at(120))]]);
}

/// The failure is returned all the same.
#[tokio::test]
async fn signs_are_told_also_while_looks_fail() {
    let (stage, told) = telling(1, 0);
    stage.position().await;
    stage.pass(20_000);
    stage.position().await;
    stage.store.lock().unwrap().looks_fail = true;
    stage.pass(29_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Err(down()));
    assert!(told.lock().unwrap().is_empty());
    stage.pass(1_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Err(down()));
    assert_eq!(*told.lock().unwrap(), [[heartbeat(at(120))]]);
}

#[tokio::test]
async fn an_answer_from_a_stale_snapshot_is_a_heartbeat_of_its_instant() {
    let (stage, told) = telling(1, 0);
    stage.position().await;
    stage.pass(20_000);
    stage.position().await;
    stage.pass(3_000);
    stage.look_anew().await;
    stage.store.lock().unwrap().looks_fail = true;
    stage.pass(4_000);
    assert_eq!(stage.position().await, (5, at(123)));
    stage.store.lock().unwrap().looks_fail = false;
    stage.pass(23_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*told.lock().unwrap(), [[heartbeat(at(123))]]);
}

#[tokio::test]
async fn who_has_asked_the_store_since_has_nothing_to_tell() {
    let (stage, told) = telling(2, 0);
    stage.position().await;
    stage.pass(20_000);
    stage.position().await;
    stage.pass(55_000);
    stage.position().await; // asks the store again
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(0));
    stage.pass(75_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(0));
    assert!(told.lock().unwrap().is_empty());
}

/// The user has polled other instances meanwhile. A heartbeat that is due already is written at
/// once.
#[tokio::test]
async fn who_comes_back_after_a_silence_is_told_of_at_once() {
    let (stage, told) = telling(1, 0);
    stage.position().await;
    stage.pass(55_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(0));
    stage.pass(5_000);
    stage.position().await;
    stage.pass(1_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*told.lock().unwrap(), [[heartbeat(at(160))]]);
    // They are cached until a quarter of the waiting time to live after the store's answer.
    stage.pass(74_000);
    stage.position().await;
}

/// Otherwise the store would lack the user's heartbeats for a poll longer than the line allows.
#[tokio::test]
async fn the_next_heartbeat_is_due_by_the_one_that_the_store_has() {
    let (stage, told) = telling(1, 0);
    stage.position().await;
    stage.pass(20_000);
    stage.position().await;
    stage.pass(30_000);
    stage.position().await; // at 150
    stage.pass(1_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(1));
    stage.pass(9_000);
    stage.position().await; // at 160
    stage.pass(39_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(0));
    stage.pass(1_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(
        *told.lock().unwrap(),
        [[heartbeat(at(150))], [heartbeat(at(160))]]
    );
}

/// Otherwise a user whom an overloaded store refuses again and again would be taken for absent.
#[tokio::test]
async fn a_request_that_the_store_refuses_is_a_heartbeat() {
    let (stage, told) = telling(0, 1);
    let mut queue = MockQueue::new();
    queue.expect_look_up().returning(|_| Err(down()));
    queue.expect_pass_gate().returning(|_, _| Err(down()));
    queue.expect_join().returning(|_, _, _| Err(down()));
    let stage = stage.before(queue);
    assert_eq!(stage.look_up(&ticket()).await, Err(down()));
    stage.pass(1_000);
    let passed = stage.shared.pass_gate(&ticket(), GatePurpose::Browse).await;
    assert_eq!(passed, Err(down()));
    assert_eq!(stage.shared.flush_heartbeats().await, Err(down()));
    stage.pass(1_000);
    let joined = stage.shared.join(CONCERT, &alice(), Some(ticket())).await;
    assert_eq!(joined, Err(down()));
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*told.lock().unwrap(), [[heartbeat(at(102))]]);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(0));
}

#[tokio::test]
async fn a_refused_heartbeat_that_keeps_no_place_is_dropped() {
    let (stage, told) = telling(0, 0);
    let mut queue = MockQueue::new();
    queue.expect_look_up().returning(|_| Err(down()));
    let stage = stage.before(queue);
    assert_eq!(stage.look_up(&ticket()).await, Err(down()));
    let ttl = line().waiting_ttl;
    stage.pass(i64::try_from(ttl.as_millis()).unwrap());
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(0));
    assert!(told.lock().unwrap().is_empty());
    assert!(!stage.shared.cache(CONCERT).remembers_anybody());
}

/// The store had an old heartbeat when it was last asked, because it could not be reached before.
#[tokio::test]
async fn nobody_waits_for_longer_than_their_last_heartbeat_allows() {
    let (stage, _) = telling(2, 0);
    stage.position().await;
    let cache = stage.shared.cache(CONCERT);
    stage.pass(290_000);
    stage.look_anew().await;
    let found = Stamped {
        as_of: at(390),
        value: LookUpOutcome::Found(waiting(5)),
    };
    cache.told(cache.version(), &[heartbeat(at(100))], &[found]);
    stage.pass(10_000);
    stage.position().await; // asks the store: the place has ended unless it knows better
}

#[tokio::test]
async fn a_policy_that_shortens_lives_makes_signs_due_at_once() {
    let (stage, told) = telling(1, 0);
    stage.position().await;
    stage.pass(40_000);
    stage.position().await;
    stage.change(|line| {
        line.policy_version = PolicyVersion(2);
        line.waiting_ttl = Duration::from_mins(1);
    });
    stage.pass(1_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*told.lock().unwrap(), [[heartbeat(at(140))]]);
}

#[tokio::test]
async fn nobody_is_kept_from_the_store_for_more_than_two_polls_however_long_places_live() {
    let (stage, told) = telling(1, 0);
    stage.change(|line| line.waiting_ttl = Duration::from_hours(1));
    stage.position().await;
    stage.pass(40_000);
    stage.position().await;
    stage.pass(19_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(0));
    stage.pass(1_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*told.lock().unwrap(), [[heartbeat(at(140))]]);
}

#[tokio::test]
async fn a_clock_that_stepped_back_holds_no_sign_back() {
    let (stage, told) = telling(1, 0);
    stage.position().await;
    stage.pass(10_000);
    stage.position().await;
    stage.pass(1_000);
    stage.store.lock().unwrap().now = at(10);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(*told.lock().unwrap(), [[heartbeat(at(110))]]);
}

#[tokio::test]
async fn many_signs_are_told_in_bounded_calls() {
    let (stage, told) = telling(1, 0);
    stage.position().await;
    let cache = stage.shared.cache(CONCERT);
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
    stage.pass(1_000);
    for ticket in &tickets {
        let found = stage.look_up(ticket).await.unwrap();
        assert_eq!(found.as_of, at(101));
    }
    stage.pass(50_000);
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(count as u64));
    let sizes: Vec<_> = told.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [Heartbeat::BATCH_MAX, Heartbeat::BATCH_MAX]);
}
