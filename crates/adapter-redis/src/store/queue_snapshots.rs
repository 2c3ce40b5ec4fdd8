//! Snapshots of lines, batches of heartbeats, and peeks.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{Cmd, Script};
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{Arrival, DepartureCursor, Departures, Heartbeat, LineSnapshot, Ticket},
    },
    ports::{LookUpOutcome, PeekOutcome, QueueSnapshots, SnapshotOutcome, Stamped, StoreResult},
};

use super::RedisStore;
use crate::{
    reply::{self, Reply},
    script_runner::Caller,
    scripts,
    user_requests::{BatchReply, UserReply, UserRequest},
};

fn read_line(reply: &mut Reply) -> StoreResult<LineSnapshot> {
    let queue = reply.view()?;
    let generation = reply.generation()?;
    let policy_version = reply.version()?;
    Ok(LineSnapshot {
        generation,
        policy_version,
        waiting_ttl: Duration::from_micros(reply.count()?),
        absence: reply
            .optional()?
            .map(reply::count)
            .transpose()?
            .map(Duration::from_micros),
        near_positions: reply.count()?,
        queue,
        reentry_until: reply.optional_instant()?,
        waiting: reply.count()?,
        admitted: reply.count()?,
        admitted_up_to: reply.optional()?.map(Arrival::from_micros),
        mark: DepartureCursor {
            generation,
            number: reply.count()?,
        },
        left: if reply.flag()? {
            Departures::Unknown
        } else {
            let arrivals = reply.numbers()?.into_iter();
            Departures::These(arrivals.map(Arrival::from_micros).collect())
        },
    })
}

#[async_trait]
impl QueueSnapshots for RedisStore {
    async fn snapshot(
        &self,
        concert: ConcertId,
        since: Option<DepartureCursor>,
    ) -> StoreResult<Stamped<SnapshotOutcome>> {
        let cursor = |call: &mut Cmd| {
            match since {
                Some(cursor) => call.arg(cursor.generation.to_string()).arg(cursor.number),
                None => call.arg("").arg(""),
            };
        };
        let mut reply = self
            .runner
            .run_on_queue(Caller::Request, concert, &scripts::SNAPSHOT, cursor)
            .await?;
        let outcome = match reply.word.as_str() {
            "seen" => SnapshotOutcome::Seen(read_line(&mut reply)?),
            "unknown" => SnapshotOutcome::NotSeeded,
            _ => return Err(reply::malformed_reply()),
        };
        Ok(reply.stamp(outcome))
    }

    async fn record_heartbeats(
        &self,
        concert: ConcertId,
        heartbeats: &[Heartbeat],
    ) -> StoreResult<Vec<Stamped<LookUpOutcome>>> {
        if heartbeats.is_empty() {
            return Ok(Vec::new());
        }
        let requests: Vec<_> = heartbeats.iter().map(UserRequest::of_heartbeat).collect();
        let replies = self
            .places(Caller::Job, concert, &scripts::RECORD_HEARTBEATS, &requests)
            .await?;
        let as_of = replies.as_of;
        let Some(replies) = replies.value else {
            let value = LookUpOutcome::NotSeeded;
            return Ok(vec![Stamped { as_of, value }; heartbeats.len()]);
        };
        let found = replies.iter().zip(heartbeats).map(|(reply, heartbeat)| {
            let place = reply.place_if_any(concert, &heartbeat.user)?;
            let value = place.map_or(LookUpOutcome::Gone, LookUpOutcome::Found);
            Ok(Stamped { as_of, value })
        });
        found.collect()
    }

    async fn peek(
        &self,
        concert: ConcertId,
        tickets: &[Ticket],
    ) -> StoreResult<Stamped<PeekOutcome>> {
        let requests: Vec<UserRequest> = tickets
            .iter()
            .map(|ticket| UserRequest::new(&ticket.user, Some(ticket)))
            .collect();
        let replies = self
            .places(Caller::Request, concert, &scripts::PEEK, &requests)
            .await?;
        let value = match replies.value {
            None => PeekOutcome::NotSeeded,
            Some(replies) => {
                let pairs = replies.iter().zip(tickets);
                let places = pairs.map(|(reply, ticket)| reply.place_if_any(concert, &ticket.user));
                PeekOutcome::Seen(places.collect::<StoreResult<_>>()?)
            }
        };
        Ok(Stamped {
            as_of: replies.as_of,
            value,
        })
    }
}

impl RedisStore {
    /// Runs `script` for these requests and returns its replies about the places. None if the store
    /// does not have the queue.
    async fn places(
        &self,
        caller: Caller,
        concert: ConcertId,
        script: &Script,
        requests: &[UserRequest],
    ) -> StoreResult<Stamped<Option<Vec<UserReply>>>> {
        let arguments = |call: &mut Cmd| {
            for request in requests {
                request.add_to(call);
            }
        };
        let reply = self
            .runner
            .run_on_queue(caller, concert, script, arguments)
            .await?;
        let BatchReply { as_of, replies, .. } = BatchReply::read(reply, requests.len())?;
        Ok(Stamped {
            as_of,
            value: replies,
        })
    }
}
