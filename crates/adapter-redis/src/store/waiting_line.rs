//! The lines of the queues, looked at as a whole.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::Cmd;
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{Arrival, Left, Line, LineMark, SignOfLife, Ticket},
    },
    ports::{
        HeardOutcome, LineOutcome, PeekOutcome, Stamped, StoreError, StoreResult, WaitingLine,
    },
};

use super::RedisStore;
use crate::{
    calls::Caller,
    member::Member,
    people::{Answers, Came, Person},
    reply::{self, Reply},
    scripts,
};

/// How many signs of life one script notes: each looks into two sorted sets and may write into one.
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
    ) -> StoreResult<Stamped<HeardOutcome>> {
        let (mut first, mut rest) = signs.split_at(signs.len().min(SIGNS_A_SCRIPT));
        let mut noted_some = false;
        loop {
            let told = |call: &mut Cmd| {
                for sign in first {
                    call.arg(Member::from(&sign.user).as_bytes())
                        .arg(sign.arrival.micros())
                        .arg(sign.at.as_microsecond());
                }
            };
            let reply = self
                .calls
                .on_queue(Caller::Job, concert, &scripts::HEARD_OF, told)
                .await;
            // The signs before were noted.
            let reply = reply.map_err(|error| {
                if noted_some {
                    StoreError::outcome_unknown(error)
                } else {
                    error
                }
            })?;
            noted_some = true;
            let outcome = match reply.what.as_str() {
                "noted" => HeardOutcome::Noted,
                "unknown" => HeardOutcome::NotSeeded,
                _ => return Err(reply::strange()),
            };
            if rest.is_empty() || outcome == HeardOutcome::NotSeeded {
                return Ok(reply.stamp(outcome));
            }
            (first, rest) = rest.split_at(rest.len().min(SIGNS_A_SCRIPT));
        }
    }
    async fn peek(
        &self,
        concert: ConcertId,
        tickets: &[Ticket],
    ) -> StoreResult<Stamped<PeekOutcome>> {
        let shown = |ticket: &Ticket| Person::new(&ticket.user, Some(ticket));
        let people: Vec<Person> = tickets.iter().map(shown).collect();
        let asked = |call: &mut Cmd| {
            for person in &people {
                person.add_to(call);
            }
        };
        let reply = self
            .calls
            .on_queue(Caller::Request, concert, &scripts::PEEK, asked)
            .await?;
        let Answers { as_of, told, .. } = Answers::read(reply, people.len())?;
        let Some(told) = told else {
            let value = PeekOutcome::NotSeeded;
            return Ok(Stamped { as_of, value });
        };
        let places = told.iter().zip(tickets).map(|(told, ticket)| {
            let has_place = told.came != Came::Gone;
            let place = has_place.then(|| told.place(concert, &ticket.user));
            place.transpose()
        });
        let value = PeekOutcome::Seen(places.collect::<StoreResult<_>>()?);
        Ok(Stamped { as_of, value })
    }
}
