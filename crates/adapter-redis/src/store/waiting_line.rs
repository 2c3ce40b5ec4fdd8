//! The lines of the queues, looked at as a whole.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{Cmd, Script};
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{Arrival, Left, Line, LineMark, SignOfLife, Ticket},
    },
    ports::{
        LineOutcome, LookUpOutcome, PeekOutcome, Stamped, StoreError, StoreResult, WaitingLine,
    },
};

use super::RedisStore;
use crate::{
    calls::Caller,
    people::{Answers, Person, Told},
    reply::{self, Reply},
    scripts,
};

/// How many heartbeats one script records: each looks into three sorted sets and writes into one.
const SIGNS_A_SCRIPT: usize = 250;

fn read_line(reply: &mut Reply) -> StoreResult<Line> {
    let queue = reply.view()?;
    let generation = reply.generation()?;
    let policy_version = reply.version()?;
    Ok(Line {
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
        mark: LineMark {
            generation,
            number: reply.count()?,
        },
        left: if reply.flag()? {
            Left::Anybody
        } else {
            let arrivals = reply.numbers()?.into_iter();
            Left::These(arrivals.map(Arrival::from_micros).collect())
        },
    })
}

#[async_trait]
impl WaitingLine for RedisStore {
    async fn look(
        &self,
        concert: ConcertId,
        since: Option<LineMark>,
    ) -> StoreResult<Stamped<LineOutcome>> {
        let mark = |call: &mut Cmd| {
            match since {
                Some(mark) => call.arg(mark.generation.to_string()).arg(mark.number),
                None => call.arg("").arg(""),
            };
        };
        let mut reply = self
            .calls
            .on_queue(Caller::Request, concert, &scripts::LOOK, mark)
            .await?;
        let outcome = match reply.what.as_str() {
            "seen" => LineOutcome::Seen(read_line(&mut reply)?),
            "unknown" => LineOutcome::NotSeeded,
            _ => return Err(reply::strange()),
        };
        Ok(reply.stamp(outcome))
    }

    async fn heard_of(
        &self,
        concert: ConcertId,
        signs: &[SignOfLife],
    ) -> StoreResult<Vec<Stamped<LookUpOutcome>>> {
        let mut found = Vec::with_capacity(signs.len());
        for chunk in signs.chunks(SIGNS_A_SCRIPT) {
            let people: Vec<Person> = chunk.iter().map(Person::heard_of).collect();
            let told = self.places(Caller::Job, concert, &scripts::HEARD_OF, &people);
            let Stamped { as_of, value: told } = told.await.map_err(|error| {
                if found.is_empty() {
                    error
                } else {
                    // The heartbeats before are recorded.
                    StoreError::outcome_unknown(error)
                }
            })?;
            let Some(told) = told else {
                let value = LookUpOutcome::NotSeeded;
                return Ok(vec![Stamped { as_of, value }; signs.len()]);
            };
            for (told, sign) in told.iter().zip(chunk) {
                let place = told.place_if_any(concert, &sign.user)?;
                let value = place.map_or(LookUpOutcome::Gone, LookUpOutcome::Found);
                found.push(Stamped { as_of, value });
            }
        }
        Ok(found)
    }

    async fn peek(
        &self,
        concert: ConcertId,
        tickets: &[Ticket],
    ) -> StoreResult<Stamped<PeekOutcome>> {
        let shown = |ticket: &Ticket| Person::new(&ticket.user, Some(ticket));
        let people: Vec<Person> = tickets.iter().map(shown).collect();
        let told = self.places(Caller::Request, concert, &scripts::PEEK, &people);
        let Stamped { as_of, value: told } = told.await?;
        let value = match told {
            None => PeekOutcome::NotSeeded,
            Some(told) => {
                let told = told.iter().zip(tickets);
                let places = told.map(|(told, ticket)| told.place_if_any(concert, &ticket.user));
                PeekOutcome::Seen(places.collect::<StoreResult<_>>()?)
            }
        };
        Ok(Stamped { as_of, value })
    }
}

impl RedisStore {
    /// What `script` tells these people of their places. None where the store has no such queue.
    async fn places(
        &self,
        caller: Caller,
        concert: ConcertId,
        script: &Script,
        people: &[Person],
    ) -> StoreResult<Stamped<Option<Vec<Told>>>> {
        let arguments = |call: &mut Cmd| {
            for person in people {
                person.add_to(call);
            }
        };
        let reply = self
            .calls
            .on_queue(caller, concert, script, arguments)
            .await?;
        let Answers { as_of, told, .. } = Answers::read(reply, people.len())?;
        Ok(Stamped { as_of, value: told })
    }
}
