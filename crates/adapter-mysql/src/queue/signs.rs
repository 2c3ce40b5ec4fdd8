//! Signs of life, written many at a time.
//!
//! A look-up of a waiting place is a sign of life. One durable commit for each would cost more than the
//! look-ups themselves, so they are gathered in the process, each with its own instant, and written with one
//! statement a second, and before this process decides whose wait is over or whether anybody waits. A sign
//! is written before its look-up is answered where half of the waiting time to live has gone by since the
//! last one in the store: so another process never ends a place whose user was heard of here, and a process
//! that dies takes nothing with it but signs that do not matter yet.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use diesel::{
    QueryResult, sql_query,
    sql_types::{Binary, Text},
};
use frontrow_domain::{
    model::{ConcertId, UserId, queue::Arrival},
    ports::{StoreError, StoreResult},
};
use futures_util::FutureExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{sync::Mutex as Turns, time::timeout};

use super::{look_up::Whose, places::PlaceRow};
use crate::{
    calls::{Calls, Turn},
    clock::monotonic_now,
    errors,
    session::Session,
    statement::Fixed,
};

/// How long signs are gathered.
const GATHERED: Duration = Duration::from_secs(1);

/// How many one statement writes at most: their rows are locked for some milliseconds then.
const WRITTEN_MAX: usize = 1_000;

/// How many are gathered of a queue at most; who gives one then waits until they are written.
const GATHERED_MAX: usize = 65_536;

const WRITE: &str = "
    UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
        user_id VARCHAR(64) CHARACTER SET utf8mb4 PATH '$[0]', arrival BIGINT PATH '$[1]',
        since_us BIGINT PATH '$[2]')) j
    STRAIGHT_JOIN queue_places p FORCE INDEX (PRIMARY) ON p.concert_id = ? AND p.user_id = j.user_id
    SET p.since_us = j.since_us
    WHERE p.arrival = j.arrival AND p.phase IN (0, 1)";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sign {
    arrival: Arrival,
    at: Timestamp,
}

/// The signs of one queue that were not written yet.
#[derive(Default)]
struct Gathered {
    /// In the order in which rows are locked.
    signs: BTreeMap<UserId, Sign>,
    /// One writes at a time, so that who waits for it finds everything written.
    turn: Arc<Turns<()>>,
}

/// The signs of life that were not written yet.
pub(super) struct Signs {
    calls: Calls,
    limit: Duration,
    /// A queue is listed while a task sees to it.
    queues: Mutex<HashMap<ConcertId, Gathered>>,
}

impl Signs {
    pub(super) fn new(calls: Calls, limit: Duration) -> Arc<Self> {
        Arc::new(Self {
            calls,
            limit,
            queues: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConcertId, Gathered>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when there are signs of this queue that may not be written yet.
    pub(super) fn pending(&self, concert: ConcertId) -> bool {
        let queues = self.lock();
        let gathered = queues.get(&concert);
        gathered.is_some_and(|gathered| !gathered.signs.is_empty())
    }

    /// Notes that `whose` user, whose row was `row`, was heard of at `now`.
    pub(super) async fn note(
        self: &Arc<Self>,
        whose: &Whose,
        row: &PlaceRow,
        waiting_ttl: Duration,
        now: Timestamp,
    ) -> StoreResult<()> {
        let sign = Sign {
            arrival: row.arrival,
            at: now,
        };
        let gathered = self.gather(whose, sign);
        let silent_for = now.duration_since(row.since);
        let matters = !silent_for.is_negative() && silent_for.unsigned_abs() > waiting_ttl / 2;
        if matters || gathered >= GATHERED_MAX {
            self.flush(whose.concert).await.map_err(still_kept)?;
        }
        Ok(())
    }

    /// Keeps a sign to be written; gives how many there are.
    fn gather(self: &Arc<Self>, whose: &Whose, sign: Sign) -> usize {
        let mut queues = self.lock();
        let listed = queues.contains_key(&whose.concert);
        let gathered = queues.entry(whose.concert).or_default();
        gathered.signs.insert(whose.user.clone(), sign);
        if !listed {
            let writing = write_later(Arc::downgrade(self), whose.concert);
            drop(self.calls.at_home(writing));
        }
        gathered.signs.len()
    }

    /// Writes all signs of a queue that were given before this call. A sign is kept until it is written,
    /// also when this is cancelled, or is not done in about three times the time of a call.
    pub(super) async fn flush(&self, concert: ConcertId) -> StoreResult<()> {
        let Some(turn) = self.turn(concert) else {
            return Ok(());
        };
        let Ok(_turn) = timeout(self.limit, turn.lock()).await else {
            return Err(errors::busy("others are writing signs of life"));
        };
        let since = monotonic_now();
        let signs = self.gathered(concert);
        for chunk in signs.chunks(WRITTEN_MAX) {
            if since.elapsed() > self.limit {
                return Err(errors::busy("the signs of life were not written in time"));
            }
            let argument = (concert, list_of(chunk));
            self.calls
                .run(self.limit, argument, |session, (concert, list)| {
                    write(session, *concert, list).boxed()
                })
                .await?;
            self.forget(concert, chunk);
        }
        Ok(())
    }

    /// Writes everything.
    pub(super) async fn flush_all(&self) -> StoreResult<()> {
        let queues: Vec<ConcertId> = self.lock().keys().copied().collect();
        for concert in queues {
            self.flush(concert).await?;
        }
        Ok(())
    }

    fn turn(&self, concert: ConcertId) -> Option<Arc<Turns<()>>> {
        let queues = self.lock();
        queues
            .get(&concert)
            .map(|gathered| Arc::clone(&gathered.turn))
    }

    fn gathered(&self, concert: ConcertId) -> Vec<(UserId, Sign)> {
        let queues = self.lock();
        let signs = queues.get(&concert).map(|gathered| gathered.signs.iter());
        let signs = signs.into_iter().flatten();
        signs.map(|(user, sign)| (user.clone(), *sign)).collect()
    }

    /// Forgets what was written, where nothing newer has come.
    fn forget(&self, concert: ConcertId, written: &[(UserId, Sign)]) {
        if let Some(gathered) = self.lock().get_mut(&concert) {
            for (user, sign) in written {
                if gathered.signs.get(user) == Some(sign) {
                    gathered.signs.remove(user);
                }
            }
        }
    }

    /// Ends the list of a queue where there is nothing to write.
    fn is_done(&self, concert: ConcertId) -> bool {
        let mut queues = self.lock();
        let done = queues
            .get(&concert)
            .is_none_or(|gathered| gathered.signs.is_empty() && gathered.turn.try_lock().is_ok());
        if done {
            queues.remove(&concert);
        }
        done
    }
}

/// The failure of who gave a sign that could not be written: it stays and may be written yet, so what the
/// caller did has not come to nothing.
fn still_kept(failure: StoreError) -> StoreError {
    match failure {
        StoreError::NotApplied { what, .. } => StoreError::outcome_unknown(what),
        unknown @ StoreError::OutcomeUnknown { .. } => unknown,
    }
}

/// Writes the signs of a queue every now and then, until there are none.
async fn write_later(signs: Weak<Signs>, concert: ConcertId) {
    loop {
        tokio::time::sleep(GATHERED).await;
        let Some(signs) = signs.upgrade() else {
            return;
        };
        if signs.is_done(concert) {
            return;
        }
        // What fails stays, and is tried again; whoever depends on it is told of the failure.
        let _ = signs.flush(concert).await;
    }
}

fn list_of(signs: &[(UserId, Sign)]) -> String {
    let list = signs.iter().map(|(user, sign)| {
        json!([
            user.as_str(),
            sign.arrival.micros(),
            sign.at.as_microsecond()
        ])
    });
    list.collect::<Value>().to_string()
}

async fn write(session: &mut Session, concert: ConcertId, list: &str) -> QueryResult<Turn<()>> {
    let statement = sql_query(WRITE)
        .bind::<Text, _>(list)
        .bind::<Binary, _>(concert.0.as_bytes().as_slice());
    session.execute_alone(Fixed(statement)).await?;
    Ok(Turn::Done(()))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{MySqlSettings, TimeOffset, pool::Server, queue::places::Phase};

    /// Signs of people whose server cannot be reached.
    fn out_of_reach() -> Arc<Signs> {
        // Nobody is given port 0, so nobody listens there.
        let url = "mysql://root@127.0.0.1:0/frontrow";
        let settings = MySqlSettings::default();
        let server = Server::new(url, &settings).unwrap();
        let pool = server.pool(1).unwrap();
        Signs::new(
            Calls::new(&server, pool, TimeOffset::default()),
            settings.statement_timeout,
        )
    }

    #[tokio::test]
    async fn who_gives_a_sign_that_stays_to_be_written_is_not_told_that_nothing_was_changed() {
        let signs = out_of_reach();
        let whose = Whose {
            concert: ConcertId(Uuid::from_u128(1)),
            user: UserId::try_from("ada").unwrap(),
        };
        let before = Timestamp::UNIX_EPOCH;
        let row = PlaceRow {
            arrival: Arrival::from_micros(1),
            seq: Some(1),
            phase: Phase::Waiting,
            since: before,
            admitted_at: before,
            claimed_at: before,
        };
        let ttl = Duration::from_mins(5);
        let noted = signs.note(&whose, &row, ttl, before + ttl).await;
        assert!(signs.pending(whose.concert));
        let unknown = matches!(noted, Err(StoreError::OutcomeUnknown { .. }));
        assert!(unknown, "{noted:?}");
    }
}
