//! The transaction that a batch of requests shares.
//!
//! It locks the queue's row, so that the batches of all processes are applied one after the other,
//! and adds the requests that arrived while it waited. Then it locks the rows of their users,
//! decides ([`Changes`]), and writes all places with one statement.

use std::collections::{BTreeMap, HashMap};

use diesel::QueryResult;
use frontrow_domain::{model::ConcertId, ports::Stamped};
use jiff::Timestamp;

use super::{
    decisions::Changes,
    requests::{Answer, Request},
};
use crate::{
    queue::{
        rows::{
            departures, places,
            queue_row::{self, QueueRow},
        },
        tick::expired,
    },
    session::Session,
    transactions::Verdict,
};

/// Applies the requests of a batch to the queue of `concert`. Calls `board` once the row is locked:
/// it returns all requests that have arrived by then.
pub(super) async fn change(
    session: &mut Session,
    concert: ConcertId,
    board: impl FnOnce() -> Vec<Request>,
) -> QueryResult<Verdict<Vec<Stamped<Answer>>>> {
    session.begin().await?;
    let locked = queue_row::lock(session, concert).await?;
    let requests = board();
    let Some((now, mut queue)) = locked else {
        let none = Stamped {
            as_of: queue_row::now(session).await?,
            value: Answer::NotSeeded,
        };
        return Ok(Verdict::Rollback(vec![none; requests.len()]));
    };
    let before = queue.clone();
    queue.find_losses(now);
    let joins = requests
        .iter()
        .filter(|request| matches!(request, Request::Join(..)))
        .count();
    let line = joins == 0 || has_line(session, concert, &queue, now).await?;
    if !line {
        expired::make_room(session, concert, &mut queue, joins as u64, now).await?;
    }
    let users = requests.iter().map(Request::user);
    let rows = places::lock(session, concert, users).await?;
    let mut changes = Changes {
        concert,
        now,
        line,
        was_idle: queue.waiting + queue.active == 0,
        queue,
        rows: HashMap::from_iter(rows),
        changed: BTreeMap::new(),
        departures: Vec::new(),
    };
    let answers = requests
        .iter()
        .map(|request| Stamped {
            as_of: now,
            value: changes.answer(request),
        })
        .collect();
    let Changes {
        queue,
        changed,
        departures,
        ..
    } = changes;
    if changed.is_empty() && queue == before {
        return Ok(Verdict::Rollback(answers));
    }
    places::write(session, concert, &changed).await?;
    departures::record(session, concert, before.departures, &departures).await?;
    if queue != before {
        queue.save(session, concert).await?;
    }
    Ok(Verdict::Commit(answers))
}

/// Returns true if a user who joins finds others waiting, as far as that matters: if the queue
/// admits no user immediately anyway, it returns true without a read.
async fn has_line(
    session: &mut Session,
    concert: ConcertId,
    queue: &QueueRow,
    now: Timestamp,
) -> QueryResult<bool> {
    if queue.waiting == 0 {
        return Ok(false);
    }
    if queue.room(0, now) == 0 {
        return Ok(true);
    }
    expired::any_user_waits(session, concert, queue, now).await
}
