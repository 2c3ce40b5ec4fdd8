//! Which look-ups are answered from a snapshot, and which go to the store.

use super::*;
use crate::model::{
    UserId,
    queue::{GatePurpose, PolicyState, QueueView, SaleState},
};

#[tokio::test]
async fn a_user_who_was_found_is_answered_from_the_next_snapshots() {
    let fixture = TestSnapshots::new(1, 2);
    assert_eq!(fixture.position().await, (5, at(100)));
    fixture.advance(300);
    assert_eq!(fixture.position().await, (5, at(100)));
    fixture.advance(700);
    fixture.change_line(|line| line.admitted = 43);
    let found = fixture.look_up(&ticket()).await.unwrap();
    let expected = Place {
        standing: Standing::Waiting {
            position: 2,
            behind: 6,
            admitted: 43,
        },
        ..waiting(5)
    };
    assert_eq!(found.value, LookUpOutcome::Found(expected));
    assert_eq!(found.as_of, at(101));
}

#[tokio::test]
async fn a_user_who_was_admitted_is_looked_up_in_the_store() {
    let fixture = TestSnapshots::new(2, 2);
    fixture.position().await;
    fixture.advance(1_000);
    fixture.change_line(|line| line.admitted_up_to = Some(ticket().arrival));
    fixture.position().await;
}

#[tokio::test]
async fn a_user_who_left_elsewhere_is_looked_up_in_the_store() {
    let fixture = TestSnapshots::new(2, 2);
    fixture.position().await;
    fixture.advance(1_000);
    fixture.change_line(|line| line.left = Departures::These(vec![ticket().arrival]));
    fixture.position().await;
}

#[tokio::test]
async fn after_each_of_these_changes_users_are_looked_up_in_the_store() {
    let changes: [fn(&mut LineSnapshot); 5] = [
        |line| line.left = Departures::Unknown,
        |line| line.generation = Generation(2),
        |line| line.reentry_until = Some(Timestamp::MAX),
        |line| line.admitted -= 1,
        |line| line.admitted_up_to = None,
    ];
    for change in changes {
        let fixture = TestSnapshots::new(2, 2);
        fixture.position().await;
        fixture.advance(1_000);
        fixture.change_line(change);
        fixture.position().await;
    }
}

/// The answers have the queue's new state.
#[tokio::test]
async fn a_new_policy_causes_no_look_up_in_the_store() {
    let paused = QueueView {
        state: PolicyState::Paused,
        ..open_queue()
    };
    let fixture = TestSnapshots::new(1, 3);
    fixture.change_line(|line| line.queue = paused);
    fixture.store.lock().unwrap().place.queue = paused;
    fixture.position().await;
    fixture.advance(1_000);
    assert_eq!(fixture.queue().await, paused);
    fixture.advance(1_000);
    fixture.change_line(|line| {
        line.policy_version = PolicyVersion(2);
        line.queue = open_queue();
    });
    assert_eq!(fixture.queue().await, open_queue());
}

/// A user found 40 s ago is answered for 50 s under the first policy and for 30 s under the second.
#[tokio::test]
async fn a_shorter_waiting_ttl_causes_a_look_up_of_a_user_who_was_found_too_long_ago() {
    let fixture = TestSnapshots::new(2, 2);
    fixture.position().await;
    fixture.advance(40_000);
    fixture.change_line(|line| {
        line.policy_version = PolicyVersion(2);
        line.waiting_ttl = Duration::from_mins(2);
    });
    assert_eq!(fixture.position().await, (5, at(140)));
    assert_eq!(fixture.position().await, (5, at(140)));
}

#[tokio::test]
async fn no_user_is_cached_while_users_may_reenter() {
    let fixture = TestSnapshots::new(4, 2);
    fixture.change_line(|line| line.reentry_until = Some(Timestamp::MAX));
    fixture.position().await;
    fixture.position().await;
    fixture.advance(1_000);
    fixture.position().await;
    fixture.position().await;
}

#[tokio::test]
async fn a_quarter_of_the_waiting_time_later_the_store_is_asked_again() {
    let fixture = TestSnapshots::new(2, 3);
    fixture.position().await;
    fixture.advance(74_000);
    assert_eq!(fixture.position().await, (5, at(174)));
    fixture.advance(1_000);
    fixture.position().await;
    assert_eq!(fixture.position().await, (5, at(175)));
}

#[tokio::test]
async fn a_user_who_leaves_here_is_removed_from_the_cache_at_once() {
    let fixture = TestSnapshots::new(2, 1);
    fixture.position().await;
    fixture.shared.leave(&ticket()).await.unwrap();
    fixture.position().await;
}

#[tokio::test]
async fn a_join_is_cached_if_there_is_a_snapshot_of_the_line() {
    let fixture = TestSnapshots::new(1, 1);
    let other = Ticket {
        arrival: Arrival::from_micros(8),
        ..ticket()
    };
    fixture.shared.join(CONCERT, &alice(), None).await.unwrap();
    fixture.look_up(&other).await.unwrap();
    fixture.shared.join(CONCERT, &alice(), None).await.unwrap();
    assert_eq!(fixture.position().await, (5, at(100)));
}

#[tokio::test]
async fn the_gate_asks_the_store_and_its_answer_is_cached() {
    let fixture = TestSnapshots::new(2, 2);
    fixture.position().await;
    fixture.advance(1_000);
    let pass_gate_of_alice = async |fixture: &TestSnapshots| {
        let ticket = ticket();
        let passed = fixture.shared.pass_gate(&ticket, GatePurpose::Browse).await;
        passed.unwrap()
    };
    fixture.store.lock().unwrap().place = waiting(4);
    let passed = pass_gate_of_alice(&fixture).await;
    assert_eq!(passed.value, GateOutcome::Waiting(waiting(4)));
    assert_eq!(fixture.position().await, (4, at(101)));
    fixture.store.lock().unwrap().place = active(at(200));
    pass_gate_of_alice(&fixture).await;
    let found = fixture.look_up(&ticket()).await.unwrap();
    assert_eq!(found.value, LookUpOutcome::Found(active(at(200))));
}

#[tokio::test]
async fn users_beyond_the_cache_limit_are_looked_up_in_the_store() {
    let fixture = TestSnapshots::with_capacity(3, 1, 1);
    let other = Ticket {
        arrival: Arrival::from_micros(8),
        ..ticket()
    };
    fixture.look_up(&other).await.unwrap();
    fixture.position().await;
    fixture.position().await;
    fixture.look_up(&other).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_from_before_a_user_was_found_does_not_move_them_back() {
    let fixture = TestSnapshots::new(2, 1);
    let other = Ticket {
        arrival: Arrival::from_micros(8),
        ..ticket()
    };
    fixture.look_up(&other).await.unwrap();
    fixture.advance(400);
    fixture.store.lock().unwrap().place = Place {
        standing: Standing::Waiting {
            position: 2,
            behind: 6,
            admitted: 43,
        },
        ..waiting(2)
    };
    let found_at = fixture.store.lock().unwrap().now;
    assert_eq!(fixture.position().await, (2, found_at));
    assert_eq!(fixture.position().await, (2, found_at));
}

#[tokio::test]
async fn another_user_with_the_same_arrival_is_not_answered_from_the_cache() {
    let fixture = TestSnapshots::new(2, 1);
    fixture.position().await;
    let other = Ticket {
        user: UserId::try_from("bob").unwrap(),
        ..ticket()
    };
    fixture.look_up(&other).await.unwrap();
}

#[tokio::test]
async fn a_ticket_of_a_lost_generation_gets_the_new_one() {
    let fixture = TestSnapshots::new(1, 1);
    fixture.position().await;
    let old = Ticket {
        generation: Generation(77),
        ..ticket()
    };
    let found = fixture.look_up(&old).await.unwrap();
    assert_eq!(
        found.value,
        LookUpOutcome::Found(Place {
            standing: Standing::Waiting {
                position: 5,
                behind: 3,
                admitted: 40
            },
            ..waiting(5)
        })
    );
}

#[tokio::test]
async fn an_answer_that_is_not_cached_still_removes_the_older_one() {
    let fixture = TestSnapshots::new(2, 2);
    fixture.position().await;
    fixture.advance(100);
    {
        let mut store = fixture.store.lock().unwrap();
        store.place = waiting(2);
        store.place.queue.sale = SaleState::SoldOut;
        store.line.queue.sale = SaleState::SoldOut;
    }
    fixture.shared.join(CONCERT, &alice(), None).await.unwrap();
    assert_eq!(fixture.position().await.0, 2);
}

#[tokio::test]
async fn a_state_that_changed_since_the_snapshot_causes_another_snapshot() {
    let fixture = TestSnapshots::new(3, 2);
    fixture.position().await;
    fixture.advance(100);
    let closed = QueueView {
        state: PolicyState::Closed,
        ..open_queue()
    };
    {
        let mut store = fixture.store.lock().unwrap();
        store.place.queue = closed;
        store.line.queue = closed;
    }
    let other = Ticket {
        arrival: Arrival::from_micros(8),
        ..ticket()
    };
    fixture.look_up(&other).await.unwrap();
    for _ in 0..2 {
        let found = fixture.look_up(&other).await.unwrap();
        let LookUpOutcome::Found(place) = found.value else {
            panic!("{found:?}");
        };
        assert_eq!(place.queue, closed);
    }
}
