//! The line as a whole, for those who answer many that wait from one look at it; and what they tell of
//! those whom they answered.

use std::collections::BTreeMap;

use async_trait::async_trait;
use diesel::{
    QueryResult, sql_query,
    sql_types::{BigInt, Binary, Text},
};
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{Line, LineMark, SignOfLife},
    },
    ports::{HeardOutcome, LineOutcome, Stamped, StoreResult, WaitingLine},
};
use futures_util::FutureExt;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{MySqlQueue, counts, exits, head::count, look_up, ticks};
use crate::{calls::Turn, session::Session, statement::Fixed};

/// A sign keeps what is there and not past its end, and takes nothing back. None is from the future.
const NOTE: &str = "
    UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
        user_id VARCHAR(64) CHARACTER SET utf8mb4 PATH '$[0]', arrival BIGINT PATH '$[1]',
        at_us BIGINT PATH '$[2]')) j
    STRAIGHT_JOIN queue_places p FORCE INDEX (PRIMARY) ON p.concert_id = ? AND p.user_id = j.user_id
    SET p.since_us = LEAST(j.at_us, ?)
    WHERE p.arrival = j.arrival AND p.phase IN (0, 1)
      AND p.since_us > ? AND p.since_us < LEAST(j.at_us, ?)";

#[async_trait]
impl WaitingLine for MySqlQueue {
    async fn look(
        &self,
        concert: ConcertId,
        since: Option<LineMark>,
    ) -> StoreResult<Stamped<LineOutcome>> {
        // Who gave a sign of life a moment ago waits.
        self.signs().flush(concert).await?;
        self.call((concert, since), |session, (concert, since)| {
            look(session, *concert, *since).boxed()
        })
        .await
    }

    async fn heard_of(
        &self,
        concert: ConcertId,
        signs: &[SignOfLife],
    ) -> StoreResult<Stamped<HeardOutcome>> {
        // Those that were given here before are not to be written over later ones.
        self.signs().flush(concert).await?;
        self.call((concert, list_of(signs)), |session, (concert, list)| {
            note(session, *concert, list).boxed()
        })
        .await
    }
}

async fn look(
    session: &mut Session,
    concert: ConcertId,
    since: Option<LineMark>,
) -> QueryResult<Turn<Stamped<LineOutcome>>> {
    session.begin_look().await?;
    let Some((now, head)) = ticks::read_head(session, concert).await? else {
        return Ok(Turn::Done(Stamped {
            as_of: look_up::now(session).await?,
            value: LineOutcome::NotSeeded,
        }));
    };
    let counts = counts::count_places(session, concert, head.cutoffs(now)).await?;
    let same_life = since.filter(|since| since.generation == head.generation);
    let (number, left) =
        exits::left_since(session, concert, same_life.map(|since| since.number)).await?;
    let line = Line {
        generation: head.generation,
        policy_version: head.terms.version,
        waiting_ttl: head.policy().waiting_ttl,
        queue: head.view(now),
        takes_people_back: head.takes_people_back(now),
        waiting: counts.waiting,
        admitted: count(head.admitted),
        admitted_up_to: head.admitted_up_to,
        mark: LineMark {
            generation: head.generation,
            number,
        },
        left,
    };
    Ok(Turn::Done(Stamped {
        as_of: now,
        value: LineOutcome::Seen(line),
    }))
}

async fn note(
    session: &mut Session,
    concert: ConcertId,
    list: &str,
) -> QueryResult<Turn<Stamped<HeardOutcome>>> {
    let Some((now, head)) = ticks::read_head(session, concert).await? else {
        return Ok(Turn::Done(Stamped {
            as_of: look_up::now(session).await?,
            value: HeardOutcome::NotSeeded,
        }));
    };
    let now_us = now.as_microsecond();
    let statement = sql_query(NOTE)
        .bind::<Text, _>(list)
        .bind::<Binary, _>(concert.0.as_bytes().as_slice())
        .bind::<BigInt, _>(now_us)
        .bind::<BigInt, _>(head.cutoffs(now).waiting)
        .bind::<BigInt, _>(now_us);
    session.execute_alone(Fixed(statement)).await?;
    Ok(Turn::Done(Stamped {
        as_of: now,
        value: HeardOutcome::Noted,
    }))
}

/// Signs as the parameter of a statement, the latest of each place: sorted by user, which is the order in which
/// rows are locked.
fn list_of(signs: &[SignOfLife]) -> String {
    let mut latest: BTreeMap<_, Timestamp> = BTreeMap::new();
    for sign in signs {
        latest
            .entry((&sign.user, sign.arrival))
            .and_modify(|at| *at = sign.at.max(*at))
            .or_insert(sign.at);
    }
    let list = latest
        .into_iter()
        .map(|((user, arrival), at)| json!([user.as_str(), arrival.micros(), at.as_microsecond()]));
    list.collect::<Value>().to_string()
}
