//! Promise 3: no user is in neither set, admitted twice, or lost.

use std::sync::Arc;

use frontrow_domain::{
    model::queue::{PolicyState, Standing, Ticket},
    ports::{LookUpOutcome, TickOutcome},
};

use super::{ContractQueue, QueueFixture, crowd, in_order_of_arrival};
use crate::{QueuePorts, policies};

/// Looks these tickets up repeatedly until all are active. Panics if one is gone.
async fn look_up_until_active(ports: QueuePorts, mut tickets: Vec<Ticket>) {
    while !tickets.is_empty() {
        let mut waiting = Vec::new();
        for ticket in tickets {
            let looked_up = ports.queue.look_up(&ticket).await.expect("look up");
            match looked_up.value {
                LookUpOutcome::Found(place) => {
                    if matches!(place.standing, Standing::Waiting { .. }) {
                        waiting.push(ticket);
                    }
                }
                other => panic!("{} has no place: {other:?}", ticket.user),
            }
        }
        tickets = waiting;
        tokio::task::yield_now().await;
    }
}

/// A look-up while users are being admitted finds the place, waiting or active.
pub async fn a_look_up_during_admission_always_finds_the_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(60).await;
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    let watchers: Vec<_> = (0..4)
        .map(|number| {
            let share = line.iter().skip(number).step_by(4).cloned().collect();
            tokio::spawn(look_up_until_active(queue.for_task().0, share))
        })
        .collect();
    let mut admitted = 0;
    while admitted < 60 {
        let done = queue.admit(2).await.done;
        assert!(done > 0, "{admitted} of 60 were admitted, then none");
        admitted += done;
        tokio::task::yield_now().await;
    }
    for watcher in watchers {
        watcher.await.expect("a watcher");
    }
}

impl<F: QueueFixture> ContractQueue<F> {
    /// Ticks from many tasks at once until no tick finds another user to admit. Returns the number
    /// of users admitted by all tasks. `waiting` users are in the line.
    async fn tick_concurrently(&self, tasks: usize, limit: u32, waiting: u64) -> u64 {
        let done = crowd(tasks, |_| {
            let (ports, concert) = self.for_task();
            async move {
                let mut done = 0;
                // Each tick that admits no user follows one that did, so this number of ticks is
                // enough.
                for _ in 0..waiting + 8 {
                    let tick = ports.ticks.admit(concert, limit).await.expect("tick");
                    match tick.value {
                        TickOutcome::Ticked(report) => done += u64::from(report.done),
                        TickOutcome::NotSeeded => panic!("the store has the queue"),
                    }
                    tokio::task::yield_now().await;
                }
                done
            }
        })
        .await;
        done.iter().sum()
    }

    /// Returns the number of these users who wait. Panics if one has no place.
    async fn still_waiting(&self, tickets: &[Ticket]) -> usize {
        let mut waiting = 0;
        for ticket in tickets {
            waiting += usize::from(self.waits(ticket).await);
        }
        waiting
    }
}

/// Concurrent ticks admit each user once, and lose none.
pub async fn concurrent_ticks_admit_every_user_once<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(60).await;
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    let done = queue.tick_concurrently(6, 3, 60).await + u64::from(queue.admit_all().await);
    assert_eq!(done, 60);
    assert_eq!(queue.still_waiting(&line).await, 0);
    let report = queue.expire_all().await;
    assert_eq!(
        (report.waiting, report.active, report.departed),
        (0, 60, 60)
    );
}

/// Concurrent ticks admit no more users in a window than its number, from the head of the line.
pub async fn concurrent_ticks_keep_to_the_rate<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(40).await;
    let rate = policies::throughput(17);
    queue.change(|policy| *policy = rate).await;
    let done = queue.tick_concurrently(6, 3, 17).await + u64::from(queue.admit_all().await);
    assert_eq!(done, 17);
    let (first, others) = line.split_at(17);
    assert_eq!(queue.still_waiting(first).await, 0);
    assert_eq!(queue.still_waiting(others).await, 23);
}

/// Concurrent ticks keep the number of active users within the capacity.
pub async fn concurrent_ticks_keep_to_the_capacity<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(40).await;
    let capacity = policies::capacity(11);
    queue.change(|policy| *policy = capacity).await;
    let done = queue.tick_concurrently(6, 3, 11).await + u64::from(queue.admit_all().await);
    assert_eq!(done, 11);
    let (first, others) = line.split_at(11);
    assert_eq!(queue.still_waiting(first).await, 0);
    assert_eq!(queue.still_waiting(others).await, 29);
}

/// Concurrent joins admit no more users immediately than the rate allows, and these are the first
/// ones.
pub async fn concurrent_joins_keep_to_the_rate<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::throughput(13)).await;
    let users = in_order_of_arrival(queue.crowd_joins(40).await);
    let (first, others) = users.split_at(13);
    assert_eq!(queue.still_waiting(first).await, 0);
    assert_eq!(queue.still_waiting(others).await, 27);
}

/// Concurrent joins admit no more users immediately than the capacity allows, and these are the
/// first ones.
pub async fn concurrent_joins_keep_to_the_capacity<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::capacity(13)).await;
    let users = in_order_of_arrival(queue.crowd_joins(40).await);
    let (first, others) = users.split_at(13);
    assert_eq!(queue.still_waiting(first).await, 0);
    assert_eq!(queue.still_waiting(others).await, 27);
}

/// Users join, leave and are admitted at the same time. None is lost or counted twice.
pub async fn concurrent_joins_departures_and_ticks_lose_no_user<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(40).await;
    queue
        .change(|policy| policy.state = PolicyState::Bypass)
        .await;
    let leaving = line.iter().step_by(2).cloned().map(|ticket| {
        let queue = Arc::clone(&queue.ports.queue);
        tokio::spawn(async move { queue.leave(&ticket).await.expect("leave") })
    });
    let leaving: Vec<_> = leaving.collect();
    let joining = queue.late_crowd_joins(20);
    let (joined, _) = futures_util::future::join(joining, queue.tick_concurrently(3, 2, 40)).await;
    for left in leaving {
        let left = left.await.expect("a leaver").value;
        assert_eq!(left, frontrow_domain::ports::LeaveOutcome::Left);
    }
    queue.admit_all().await;
    let staying: Vec<_> = line.iter().skip(1).step_by(2).cloned().collect();
    assert_eq!(queue.still_waiting(&staying).await, 0);
    assert_eq!(queue.still_waiting(&joined).await, 0);
    for ticket in &joined {
        let looked_up = queue.ports.queue.look_up(ticket).await.expect("look up");
        let LookUpOutcome::Found(place) = looked_up.value else {
            panic!("{} has a place", ticket.user);
        };
        let Standing::Active { admitted_at, .. } = place.standing else {
            panic!("{} is active", ticket.user);
        };
        assert!(
            ticket.arrival.at() <= admitted_at,
            "admitted before they came"
        );
    }
    let report = queue.expire_all().await;
    assert_eq!((report.waiting, report.active), (0, 40));
}

impl<F: QueueFixture> ContractQueue<F> {
    /// Lets `count` more users join at the same time.
    async fn late_crowd_joins(&self, count: usize) -> Vec<Ticket> {
        crowd(count, |number| {
            let (ports, concert) = self.for_task();
            async move {
                let name = crate::test_queue::user(&format!("late-{number}"));
                let joined = ports.queue.join(concert, &name, None).await.expect("join");
                match joined.value {
                    frontrow_domain::ports::JoinOutcome::Joined(place) => place.ticket,
                    other => panic!("{name} should have joined: {other:?}"),
                }
            }
        })
        .await
    }
}
