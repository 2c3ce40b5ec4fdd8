//! The port [`QueueSnapshots`]: snapshots of a line, and the heartbeats that instances have
//! collected.

use async_trait::async_trait;
use diesel::QueryResult;
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{DepartureCursor, Heartbeat, LineSnapshot, Ticket},
    },
    ports::{LookUpOutcome, PeekOutcome, QueueSnapshots, SnapshotOutcome, Stamped, StoreResult},
};
use futures_util::{FutureExt, TryFutureExt, future::try_join_all};

use crate::queue::{
    MySqlQueue,
    changes::{Answer, Request},
    place::peek,
    rows::{departures, queue_row, units::count},
};
use crate::{session::Session, transactions::Verdict};

#[async_trait]
impl QueueSnapshots for MySqlQueue {
    async fn snapshot(
        &self,
        concert: ConcertId,
        since: Option<DepartureCursor>,
    ) -> StoreResult<Stamped<SnapshotOutcome>> {
        // Uses a connection of the jobs: up to a thousand look-ups wait for it.
        self.job((concert, since), |session, (concert, since)| {
            snapshot(session, *concert, *since).boxed()
        })
        .await
    }

    async fn record_heartbeats(
        &self,
        concert: ConcertId,
        heartbeats: &[Heartbeat],
    ) -> StoreResult<Vec<Stamped<LookUpOutcome>>> {
        let recording = heartbeats.iter().map(|heartbeat| {
            let request = Request::Heartbeat(heartbeat.clone());
            self.changes().ask(concert, request)
        });
        let recorded = try_join_all(recording).await?;
        let found = recorded.into_iter();
        Ok(found.map(|found| found.map(Answer::into_look_up)).collect())
    }

    async fn peek(
        &self,
        concert: ConcertId,
        tickets: &[Ticket],
    ) -> StoreResult<Stamped<PeekOutcome>> {
        // Uses a connection of the jobs: one call answers hundreds of users.
        self.job(
            (concert, tickets.to_vec()),
            |session, (concert, tickets)| {
                peek(session, *concert, tickets)
                    .map_ok(Verdict::Commit)
                    .boxed()
            },
        )
        .await
    }
}

/// The queue's row is read at one instant, and holds all but the departures. The departures up to
/// the number in it were committed with it.
async fn snapshot(
    session: &mut Session,
    concert: ConcertId,
    since: Option<DepartureCursor>,
) -> QueryResult<Verdict<Stamped<SnapshotOutcome>>> {
    let Some((now, queue)) = queue_row::read(session, concert).await? else {
        return Ok(Verdict::Commit(Stamped {
            as_of: queue_row::now(session).await?,
            value: SnapshotOutcome::NotSeeded,
        }));
    };
    let generation = queue.terms.generation;
    let since = since
        .filter(|mark| mark.generation == generation)
        .and_then(|mark| i64::try_from(mark.number).ok());
    let left = departures::between(session, concert, since, queue.departures).await?;
    let line = LineSnapshot {
        generation,
        policy_version: queue.terms.version(),
        waiting_ttl: queue.policy().waiting_ttl,
        absence: queue.policy().absence(),
        near_positions: queue
            .policy()
            .near_positions()
            .saturating_add(count(queue.aside)),
        queue: queue.terms.view(now),
        reentry_until: queue.terms.reentry_until(now),
        waiting: count(queue.waiting),
        admitted: count(queue.admitted),
        admitted_up_to: queue.admitted_up_to,
        mark: DepartureCursor {
            generation,
            number: count(queue.departures),
        },
        left,
    };
    Ok(Verdict::Commit(Stamped {
        as_of: now,
        value: SnapshotOutcome::Seen(line),
    }))
}
