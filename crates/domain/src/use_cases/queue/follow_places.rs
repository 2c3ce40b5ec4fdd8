use std::{collections::HashSet, sync::Arc};

use futures_util::future::try_join_all;

use crate::{
    decorators::SnapshotQueue,
    read_models::{PlaceReport, QueueMissing, QueueStatuses},
};
use crate::{
    model::{
        ConcertId,
        queue::{Arrival, Departures, FollowedPlace, LineSnapshot, PeekAdvice, Place, Ticket},
    },
    ports::{LookUpOutcome, PeekOutcome, Queue, QueueSnapshots, Stamped, StoreResult},
};

/// Follows the places of users with an open event stream.
///
/// One turn of a queue takes one [snapshot](Self::snapshot), shared by all followed places, and
/// [peeks](Self::peek) at the places of which only the store can tell. Neither is a heartbeat: an
/// open connection says nothing of the user at its other end, where a proxy may hold it.
pub struct FollowPlaces {
    /// Takes the snapshots of the lines, shared by all requests.
    pub look: Arc<SnapshotQueue>,
    /// Where the places are.
    pub line: Arc<dyn QueueSnapshots>,
    /// Looks up the places that a peek does not find: those that the store has lost re-enter.
    pub queue: Arc<dyn Queue>,
    /// Estimates the wait.
    pub statuses: Arc<QueueStatuses>,
}

/// A snapshot of a line, as its followers see it.
#[derive(Debug, Clone)]
pub struct LineSeen {
    seen: Stamped<LineSnapshot>,
    left: HashSet<Arrival>,
}

/// The result of a snapshot.
#[derive(Debug, Clone)]
pub enum FollowAnswer {
    /// The line.
    Seen(Box<LineSeen>),
    /// The store has no such queue.
    Missing(QueueMissing),
}

impl LineSeen {
    /// Applies this snapshot to a followed place. Returns what the caller should do next.
    pub fn show(&self, followed: &mut FollowedPlace) -> PeekAdvice {
        let has_left = self.left.contains(&followed.place().ticket.arrival);
        followed.see(&self.seen.value, self.seen.as_of, has_left)
    }
}

impl FollowPlaces {
    /// Returns the line of `concert`, for all places that are followed. To be called by one
    /// follower at a time.
    ///
    /// # Errors
    /// When the queue's store fails.
    pub async fn snapshot(&self, concert: ConcertId) -> StoreResult<FollowAnswer> {
        let snapshot = self.look.line(concert).await?;
        // Users who left before the snapshot and are not known yet are peeked at soon.
        let left = match self.look.departed(concert) {
            Departures::These(arrivals) => arrivals.into_iter().collect(),
            Departures::Unknown => HashSet::new(),
        };
        let Some(line) = snapshot.line() else {
            return Ok(FollowAnswer::Missing(
                self.statuses.missing_for_token(concert),
            ));
        };
        Ok(FollowAnswer::Seen(Box::new(LineSeen {
            seen: Stamped {
                as_of: snapshot.as_of(),
                value: line.clone(),
            },
            left,
        })))
    }

    /// Stops collecting ended places of the line of `concert`: it has no follower any more.
    pub fn stop(&self, concert: ConcertId) {
        self.look.stop_following(concert);
    }

    /// Returns the places of some tickets, at most [`Ticket::PEEKS_MAX`], of different users: None
    /// for each that is gone. None if the store has no such queue.
    ///
    /// A peek cannot distinguish a place that is gone from one that the store has lost, which
    /// re-enters when its ticket is shown. So a ticket without a place is looked up before its user
    /// is notified that it is gone.
    ///
    /// # Errors
    /// When the queue's store fails.
    pub async fn peek(
        &self,
        concert: ConcertId,
        tickets: &[Ticket],
    ) -> StoreResult<Option<Vec<Option<Stamped<Place>>>>> {
        let Stamped { as_of, value } = self.line.peek(concert, tickets).await?;
        let PeekOutcome::Seen(places) = value else {
            return Ok(None);
        };
        let places = places.into_iter().zip(tickets);
        let places = places.map(async |(place, ticket)| match place {
            Some(value) => Ok(Some(Stamped { as_of, value })),
            None => self.look_up(ticket).await,
        });
        try_join_all(places).await.map(Some)
    }

    /// Looks up the place of a ticket, which re-enters if the store has lost it. None if it is
    /// gone.
    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Option<Stamped<Place>>> {
        let Stamped { as_of, value } = self.queue.look_up(ticket).await?;
        Ok(match value {
            LookUpOutcome::Found(value) => Some(Stamped { as_of, value }),
            LookUpOutcome::Gone | LookUpOutcome::NotSeeded => None,
        })
    }

    /// Returns the report of a place for its user.
    #[must_use]
    pub fn report(&self, token: String, place: Stamped<Place>) -> PlaceReport {
        self.statuses.report(token, place)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        model::queue::Standing,
        ports::{LeaveOutcome, MockQueue, MockQueueSnapshots, SnapshotOutcome},
        test_support::*,
    };

    /// Returns a use case whose store answers every snapshot with `outcome`. The store has lost the
    /// place of [`ticket`], which re-enters. All other places are gone.
    fn follow(mut line: MockQueueSnapshots, outcome: SnapshotOutcome) -> FollowPlaces {
        line.expect_snapshot()
            .returning(move |_, _| Ok(stamped(outcome.clone())));
        let line = Arc::new(line);
        let mut queue = MockQueue::new();
        queue
            .expect_leave()
            .returning(|_| Ok(stamped(LeaveOutcome::Left)));
        let snapshots = SnapshotQueue::new(
            Arc::new(queue),
            Arc::<MockQueueSnapshots>::clone(&line),
            clock(100),
            10,
            Duration::from_secs(15),
        );
        let mut store = MockQueue::new();
        store.expect_look_up().returning(|shown| {
            let lost = *shown == ticket();
            let found = LookUpOutcome::Found(waiting(7));
            Ok(stamped(if lost { found } else { LookUpOutcome::Gone }))
        });
        FollowPlaces {
            look: Arc::new(snapshots),
            line,
            queue: Arc::new(store),
            statuses: statuses(),
        }
    }

    async fn seen(follow: &FollowPlaces) -> Box<LineSeen> {
        match follow.snapshot(CONCERT).await.unwrap() {
            FollowAnswer::Seen(seen) => seen,
            FollowAnswer::Missing(why) => panic!("{why:?}"),
        }
    }

    #[tokio::test]
    async fn a_snapshot_moves_places_forward() {
        let moved = LineSnapshot {
            admitted: 42,
            ..line()
        };
        let follow = follow(MockQueueSnapshots::new(), SnapshotOutcome::Seen(moved));
        let mut followed = FollowedPlace::new(waiting(5), at(100));
        assert_eq!(seen(&follow).await.show(&mut followed), PeekAdvice::Known);
        let Standing::Waiting { position, .. } = followed.place().standing else {
            panic!("it waits");
        };
        assert_eq!(position, 3);
    }

    #[tokio::test]
    async fn the_place_of_a_user_who_left_through_this_instance_needs_a_peek() {
        let follow = follow(MockQueueSnapshots::new(), SnapshotOutcome::Seen(line()));
        let mut followed = FollowedPlace::new(waiting(5), at(100));
        assert_eq!(seen(&follow).await.show(&mut followed), PeekAdvice::Known);
        follow.look.leave(&ticket()).await.unwrap();
        assert_eq!(seen(&follow).await.show(&mut followed), PeekAdvice::PeekNow);
        assert_eq!(seen(&follow).await.show(&mut followed), PeekAdvice::Known);
    }

    #[tokio::test]
    async fn a_missing_queue_is_requested_from_provisioning() {
        let follow = follow(MockQueueSnapshots::new(), SnapshotOutcome::NotSeeded);
        let answer = follow.snapshot(CONCERT).await.unwrap();
        assert!(matches!(
            answer,
            FollowAnswer::Missing(QueueMissing::NotReady)
        ));
        assert_eq!(follow.statuses.take_wanted(), [CONCERT].into());
    }

    #[tokio::test]
    async fn peeks_ask_the_store_and_change_nothing() {
        let mut line = MockQueueSnapshots::new();
        line.expect_peek()
            .withf(|_, tickets| tickets == [ticket()])
            .returning(|_, _| Ok(stamped(PeekOutcome::Seen(vec![Some(active(at(200)))]))));
        let follow = follow(line, SnapshotOutcome::NotSeeded);
        let peeked = follow.peek(CONCERT, &[ticket()]).await.unwrap();
        assert_eq!(peeked, Some(vec![Some(stamped(active(at(200))))]));
    }

    #[tokio::test]
    async fn a_lost_place_re_enters_before_its_user_is_notified_that_it_is_gone() {
        let mut line = MockQueueSnapshots::new();
        line.expect_peek()
            .returning(|_, tickets| Ok(stamped(PeekOutcome::Seen(vec![None; tickets.len()]))));
        let follow = follow(line, SnapshotOutcome::NotSeeded);
        let other = Ticket {
            user: bob(),
            ..ticket()
        };
        let peeked = follow.peek(CONCERT, &[ticket(), other]).await.unwrap();
        assert_eq!(peeked, Some(vec![Some(stamped(waiting(7))), None]));
    }
}
