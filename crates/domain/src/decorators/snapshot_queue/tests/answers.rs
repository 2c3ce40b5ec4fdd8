//! Which look-ups are answered from a snapshot, and which go to the store.

use super::*;
use crate::model::{
    UserId,
    queue::{GatePurpose, PolicyState, QueueView, SaleState},
};

#[tokio::test]
async fn who_was_found_is_answered_from_the_next_looks() {
    let stage = TestSnapshots::new(1, 2);
    assert_eq!(stage.position().await, (5, at(100)));
    stage.pass(300);
    assert_eq!(stage.position().await, (5, at(100)));
    stage.pass(700);
    stage.change(|line| line.admitted = 43);
    let found = stage.look_up(&ticket()).await.unwrap();
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
async fn who_was_admitted_asks_the_store() {
    let stage = TestSnapshots::new(2, 2);
    stage.position().await;
    stage.pass(1_000);
    stage.change(|line| line.admitted_up_to = Some(ticket().arrival));
    stage.position().await;
}

#[tokio::test]
async fn who_left_elsewhere_asks_the_store() {
    let stage = TestSnapshots::new(2, 2);
    stage.position().await;
    stage.pass(1_000);
    stage.change(|line| line.left = Departures::These(vec![ticket().arrival]));
    stage.position().await;
}

#[tokio::test]
async fn after_each_of_these_everybody_asks_the_store() {
    let changes: [fn(&mut LineSnapshot); 5] = [
        |line| line.left = Departures::Unknown,
        |line| line.generation = Generation(2),
        |line| line.reentry_until = Some(Timestamp::MAX),
        |line| line.admitted -= 1,
        |line| line.admitted_up_to = None,
    ];
    for change in changes {
        let stage = TestSnapshots::new(2, 2);
        stage.position().await;
        stage.pass(1_000);
        stage.change(change);
        stage.position().await;
    }
}

/// The answers have the queue's new state.
#[tokio::test]
async fn a_new_policy_sends_nobody_to_the_store() {
    let paused = QueueView {
        state: PolicyState::Paused,
        ..open_queue()
    };
    let stage = TestSnapshots::new(1, 3);
    stage.change(|line| line.queue = paused);
    stage.store.lock().unwrap().place.queue = paused;
    stage.position().await;
    stage.pass(1_000);
    assert_eq!(stage.queue().await, paused);
    stage.pass(1_000);
    stage.change(|line| {
        line.policy_version = PolicyVersion(2);
        line.queue = open_queue();
    });
    assert_eq!(stage.queue().await, open_queue());
}

/// A user found 40 s ago is answered for 50 s under the first policy and for 30 s under the second.
#[tokio::test]
async fn a_policy_that_shortens_lives_sends_to_the_store_who_was_found_too_long_ago() {
    let stage = TestSnapshots::new(2, 2);
    stage.position().await;
    stage.pass(40_000);
    stage.change(|line| {
        line.policy_version = PolicyVersion(2);
        line.waiting_ttl = Duration::from_mins(2);
    });
    assert_eq!(stage.position().await, (5, at(140)));
    assert_eq!(stage.position().await, (5, at(140)));
}

#[tokio::test]
async fn nobody_is_remembered_while_people_come_back() {
    let stage = TestSnapshots::new(4, 2);
    stage.change(|line| line.reentry_until = Some(Timestamp::MAX));
    stage.position().await;
    stage.position().await;
    stage.pass(1_000);
    stage.position().await;
    stage.position().await;
}

#[tokio::test]
async fn a_quarter_of_the_waiting_time_later_the_store_is_asked_again() {
    let stage = TestSnapshots::new(2, 3);
    stage.position().await;
    stage.pass(74_000);
    assert_eq!(stage.position().await, (5, at(174)));
    stage.pass(1_000);
    stage.position().await;
    assert_eq!(stage.position().await, (5, at(175)));
}

#[tokio::test]
async fn who_leaves_here_is_forgotten_at_once() {
    let stage = TestSnapshots::new(2, 1);
    stage.position().await;
    stage.shared.leave(&ticket()).await.unwrap();
    stage.position().await;
}

#[tokio::test]
async fn a_join_is_remembered_where_the_line_was_seen() {
    let stage = TestSnapshots::new(1, 1);
    let other = Ticket {
        arrival: Arrival::from_micros(8),
        ..ticket()
    };
    stage.shared.join(CONCERT, &alice(), None).await.unwrap();
    stage.look_up(&other).await.unwrap();
    stage.shared.join(CONCERT, &alice(), None).await.unwrap();
    assert_eq!(stage.position().await, (5, at(100)));
}

#[tokio::test]
async fn the_gate_asks_the_store_and_what_it_says_is_remembered() {
    let stage = TestSnapshots::new(2, 2);
    stage.position().await;
    stage.pass(1_000);
    let behind_the_gate = async |stage: &TestSnapshots| {
        let ticket = ticket();
        let passed = stage.shared.pass_gate(&ticket, GatePurpose::Browse).await;
        passed.unwrap()
    };
    stage.store.lock().unwrap().place = waiting(4);
    let passed = behind_the_gate(&stage).await;
    assert_eq!(passed.value, GateOutcome::Waiting(waiting(4)));
    assert_eq!(stage.position().await, (4, at(101)));
    stage.store.lock().unwrap().place = active(at(200));
    behind_the_gate(&stage).await;
    let found = stage.look_up(&ticket()).await.unwrap();
    assert_eq!(found.value, LookUpOutcome::Found(active(at(200))));
}

#[tokio::test]
async fn where_there_is_no_room_the_others_ask_the_store() {
    let stage = TestSnapshots::with_room(3, 1, 1);
    let other = Ticket {
        arrival: Arrival::from_micros(8),
        ..ticket()
    };
    stage.look_up(&other).await.unwrap();
    stage.position().await;
    stage.position().await;
    stage.look_up(&other).await.unwrap();
}

#[tokio::test]
async fn a_look_from_before_somebody_was_found_sends_nobody_back() {
    let stage = TestSnapshots::new(2, 1);
    let other = Ticket {
        arrival: Arrival::from_micros(8),
        ..ticket()
    };
    stage.look_up(&other).await.unwrap();
    stage.pass(400);
    stage.store.lock().unwrap().place = Place {
        standing: Standing::Waiting {
            position: 2,
            behind: 6,
            admitted: 43,
        },
        ..waiting(2)
    };
    let found_at = stage.store.lock().unwrap().now;
    assert_eq!(stage.position().await, (2, found_at));
    assert_eq!(stage.position().await, (2, found_at));
}

#[tokio::test]
async fn another_user_with_the_same_arrival_is_somebody_else() {
    let stage = TestSnapshots::new(2, 1);
    stage.position().await;
    let namesake = Ticket {
        user: UserId::try_from("bob").unwrap(),
        ..ticket()
    };
    stage.look_up(&namesake).await.unwrap();
}

#[tokio::test]
async fn a_ticket_of_a_lost_generation_gets_the_new_one() {
    let stage = TestSnapshots::new(1, 1);
    stage.position().await;
    let old = Ticket {
        generation: Generation(77),
        ..ticket()
    };
    let found = stage.look_up(&old).await.unwrap();
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
async fn an_answer_that_is_not_remembered_replaces_the_older_one_all_the_same() {
    let stage = TestSnapshots::new(2, 2);
    stage.position().await;
    stage.pass(100);
    {
        let mut store = stage.store.lock().unwrap();
        store.place = waiting(2);
        store.place.queue.sale = SaleState::SoldOut;
        store.line.queue.sale = SaleState::SoldOut;
    }
    stage.shared.join(CONCERT, &alice(), None).await.unwrap();
    assert_eq!(stage.position().await.0, 2);
}

#[tokio::test]
async fn a_state_that_changed_since_the_look_is_looked_at_anew() {
    let stage = TestSnapshots::new(3, 2);
    stage.position().await;
    stage.pass(100);
    let closed = QueueView {
        state: PolicyState::Closed,
        ..open_queue()
    };
    {
        let mut store = stage.store.lock().unwrap();
        store.place.queue = closed;
        store.line.queue = closed;
    }
    let other = Ticket {
        arrival: Arrival::from_micros(8),
        ..ticket()
    };
    stage.look_up(&other).await.unwrap();
    for _ in 0..2 {
        let found = stage.look_up(&other).await.unwrap();
        let LookUpOutcome::Found(place) = found.value else {
            panic!("{found:?}");
        };
        assert_eq!(place.queue, closed);
    }
}
