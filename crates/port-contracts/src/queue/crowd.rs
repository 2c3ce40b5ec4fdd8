//! Many users at once.

use std::{future::Future, sync::Arc};

use frontrow_domain::model::queue::{Place, Ticket};

use super::{ContractQueue, QueueFixture};
use crate::{QueuePorts, test_queue::user};

/// Runs `count` tasks side by side, and returns their results in the order of their numbers.
pub(crate) async fn crowd<T, Fut>(count: usize, task: impl Fn(usize) -> Fut) -> Vec<T>
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(tokio::sync::Barrier::new(count));
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let (start, task) = (Arc::clone(&start), task(number));
            tokio::spawn(async move {
                start.wait().await;
                task.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("a task of the crowd"));
    }
    results
}

impl<F: QueueFixture> ContractQueue<F> {
    /// Lets `count` users join at the same time, each from its own task. Returns their new places.
    pub(crate) async fn crowd_joins(&self, count: usize) -> Vec<Place> {
        crowd(count, |number| {
            let (queue, concert) = (Arc::clone(&self.ports.queue), self.concert);
            async move {
                let name = user(&format!("user-{number}"));
                let joined = queue.join(concert, &name, None).await.expect("join");
                match joined.value {
                    frontrow_domain::ports::JoinOutcome::Joined(place) => place,
                    other => panic!("{name} should have joined: {other:?}"),
                }
            }
        })
        .await
    }

    /// Lets `count` users join at the same time, and wait. Returns their tickets in the order of
    /// arrival.
    pub(crate) async fn crowd_joins_line(&self, count: usize) -> Vec<Ticket> {
        in_order_of_arrival(self.crowd_joins(count).await)
    }

    /// Returns the ports and the concert, for another task.
    pub(crate) fn for_task(&self) -> (QueuePorts, frontrow_domain::model::ConcertId) {
        (self.fixture.ports(), self.concert)
    }
}

/// Returns the tickets of these places in the order of arrival.
pub(crate) fn in_order_of_arrival(places: Vec<Place>) -> Vec<Ticket> {
    let mut tickets: Vec<_> = places.into_iter().map(|place| place.ticket).collect();
    tickets.sort_by_key(|ticket| ticket.arrival);
    tickets
}
