//! Admission: the head of the line becomes active, as many as state and policy let in, strictly in order.
//!
//! Whose turn it is, is read from an index without locks, from the last whom admission has passed. Their
//! rows are locked in the order of the primary key, never around one that is locked: whoever is leaving at
//! this moment is waited for. Those whose wait is over are removed, and the others moved with one statement
//! over their range of the line. A move is an update of rows that stay where they are, so there is no
//! instant at which somebody is in neither set.

use diesel::{
    QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Text, TinyInt},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{ConcertId, UserId, queue::Arrival},
    ports::{Stamped, TickOutcome},
};

use super::{
    places::{self, Phase, PlaceRow, users_list},
    remove, returns,
    ticks::{self, Begun, Order, Tick},
};
use crate::{calls::Turn, errors, session::Session, statement::Fixed};

/// How many of the line one tick passes at most: their rows are locked for some tens of milliseconds then.
const PASSED_MAX: u64 = 2_000;

const NEXT: &str = "
    SELECT p.user_id, p.arrival FROM queue_places p FORCE INDEX (queue_places_line)
    WHERE p.concert_id = ? AND p.phase = ? AND p.arrival > ? ORDER BY p.arrival LIMIT ?";

const MOVE_RANGE: &str = "
    UPDATE queue_places FORCE INDEX (queue_places_line)
    SET phase = 2, since_us = ?, admitted_at_us = ?
    WHERE concert_id = ? AND phase = 1 AND arrival BETWEEN ? AND ?";

/// Who came back may have the same arrival as somebody who is not moved yet.
const MOVE_BACK: &str = concat!(
    "UPDATE ",
    users_list!(),
    " STRAIGHT_JOIN queue_places p ON p.concert_id = ? AND p.user_id = j.user_id
     SET p.phase = 2, p.since_us = ?, p.admitted_at_us = ?
     WHERE p.phase = 0"
);

/// Admits at most `order.limit` people.
pub(super) async fn admit(
    session: &mut Session,
    order: Order,
) -> QueryResult<Turn<Stamped<TickOutcome>>> {
    let mut tick = match ticks::begin(session, order.concert).await? {
        Begun::Tick(tick) => *tick,
        Begun::Not(why) => return Ok(Turn::Refused(why)),
    };
    // A window begins with the first attempt to admit somebody, so none is made where nobody waits.
    if tick.counts.waiting == 0 {
        return tick.end(session, 0, false).await;
    }
    let (concert, counts) = (order.concert, tick.counts);
    let due = remove::due_for_room(session, concert, &tick.head, &counts, tick.now).await?;
    let room_at_best = tick.head.room(counts.active, tick.now);
    let limit = u64::from(order.limit).min(PASSED_MAX);
    // Those whose wait is over take no room up.
    let wanted = limit.min(room_at_best.saturating_add(counts.over_waiting));
    let next = match room_at_best {
        0 => Vec::new(),
        _ => next_in_line(session, &tick, wanted).await?,
    };
    // All at once, so that they are locked in their order.
    let users = next.iter().map(|(_, user)| user).chain(due.users());
    let (mut rows, locked_at) = places::lock_at(session, concert, users).await?;
    // The tick began some statements ago, and some of them may have joined since: nobody is admitted before
    // they came.
    tick.begin_at(locked_at.unwrap_or(tick.now));
    let now = tick.now;
    rows.sort_unstable_by_key(|(_, row)| row.arrival);
    let (line, past): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|(_, row)| row.phase.counts_in_line());
    let removed = remove::remove(session, concert, &mut tick.head, &past, now).await?;
    let occupied = counts.active + counts.over_active.saturating_sub(removed.into());
    let room = tick.head.room(occupied, now);
    let passed = pass(session, &mut tick, &line, room).await?;
    tick.counts = counts.after_admitting(passed.admitted.into());
    let more = u64::from(passed.admitted) < room && tick.counts.waiting > 0;
    tick.end(session, passed.admitted + passed.ended, more)
        .await
}

/// The next in line, at most so many, the first to come first.
async fn next_in_line(
    session: &mut Session,
    tick: &Tick,
    count: u64,
) -> QueryResult<Vec<(Arrival, UserId)>> {
    let passed = tick.head.passed_arrival;
    let mut next = stretch(session, tick.concert, Phase::Waiting, passed, count).await?;
    if tick.head.back_in_line > 0 {
        next.extend(stretch(session, tick.concert, Phase::Back, i64::MIN, count).await?);
        next.sort_unstable();
        next.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    }
    Ok(next)
}

async fn stretch(
    session: &mut Session,
    concert: ConcertId,
    phase: Phase,
    after: i64,
    count: u64,
) -> QueryResult<Vec<(Arrival, UserId)>> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Row {
        #[diesel(sql_type = Text)]
        user_id: String,
        #[diesel(sql_type = BigInt)]
        arrival: i64,
    }
    let statement = sql_query(NEXT)
        .bind::<Binary, _>(concert.0.as_bytes().as_slice())
        .bind::<TinyInt, _>(phase as i8)
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(i64::try_from(count).unwrap_or(i64::MAX));
    let rows: Vec<Row> = Fixed(statement).load(session.connection()).await?;
    let next = rows.into_iter().map(|row| {
        Ok((
            Arrival::from_micros(row.arrival),
            places::user_of(&row.user_id)?,
        ))
    });
    next.collect()
}

/// What a stretch of the line came to.
#[derive(Default)]
struct Passed {
    admitted: u32,
    ended: u32,
}

/// Goes along these locked rows from the head of the line while there is room: admits who still waits,
/// removes those whose wait is over, and goes by those who have just left.
async fn pass(
    session: &mut Session,
    tick: &mut Tick,
    line: &[(UserId, PlaceRow)],
    room: u64,
) -> QueryResult<Passed> {
    let (mut admitted, mut ended) = (Vec::new(), Vec::new());
    let lives = tick.head.lives(tick.now);
    let (mut seq, mut arrival) = (tick.head.passed_seq, tick.head.passed_arrival);
    for (user, row) in line {
        if admitted.len() as u64 >= room {
            break;
        }
        if row.is_held(&lives, tick.now) {
            admitted.push((user.clone(), *row));
        } else if row.phase.waits() {
            ended.push((user.clone(), *row));
        }
        if let Some(number) = row.seq {
            seq = seq.max(number);
            arrival = arrival.max(row.arrival.micros());
        }
    }
    let removed = remove::remove(session, tick.concert, &mut tick.head, &ended, tick.now).await?;
    let last = admitted.last().map(|(_, row)| row.arrival);
    let (joined, back): (Vec<_>, Vec<_>) = admitted.iter().partition(|(_, row)| row.seq.is_some());
    move_joined(session, tick, &joined).await?;
    move_back(session, tick, &back).await?;
    let count = u32::try_from(admitted.len()).unwrap_or(u32::MAX);
    let head = &mut tick.head;
    (head.passed_seq, head.passed_arrival) = (seq, arrival);
    head.admitted += i64::from(count);
    head.admitted_up_to = head.admitted_up_to.max(last);
    head.note_admitted(count, tick.now);
    Ok(Passed {
        admitted: count,
        ended: removed,
    })
}

/// Moves everybody who joined and waits in the range of these rows, which is all of them: arrivals of those
/// who joined are all different.
async fn move_joined(
    session: &mut Session,
    tick: &Tick,
    rows: &[&(UserId, PlaceRow)],
) -> QueryResult<()> {
    let (Some((_, first)), Some((_, last))) = (rows.first(), rows.last()) else {
        return Ok(());
    };
    let now = tick.now.as_microsecond();
    let statement = sql_query(MOVE_RANGE)
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(now)
        .bind::<Binary, _>(tick.concert.0.as_bytes().as_slice())
        .bind::<BigInt, _>(first.arrival.micros())
        .bind::<BigInt, _>(last.arrival.micros());
    let moved = Fixed(statement).execute(session.connection()).await?;
    whole(moved, rows.len())
}

/// Moves these, who came back after a loss.
async fn move_back(
    session: &mut Session,
    tick: &mut Tick,
    rows: &[&(UserId, PlaceRow)],
) -> QueryResult<()> {
    let Some(list) = places::list_of(rows.iter().map(|(user, _)| user)) else {
        return Ok(());
    };
    let now = tick.now.as_microsecond();
    let statement = sql_query(MOVE_BACK)
        .bind::<Text, _>(list)
        .bind::<Binary, _>(tick.concert.0.as_bytes().as_slice())
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(now);
    let moved = Fixed(statement).execute(session.connection()).await?;
    whole(moved, rows.len())?;
    let arrivals: Vec<_> = rows.iter().map(|(_, row)| row.arrival).collect();
    tick.head.back_in_line -= i64::try_from(arrivals.len()).unwrap_or_default();
    returns::take(session, tick.concert, &arrivals).await
}

/// Locked rows are as they were read; were they not, the tick would be undone.
fn whole(moved: usize, meant: usize) -> QueryResult<()> {
    if moved == meant {
        return Ok(());
    }
    Err(errors::broken(format!("{moved} were admitted for {meant}")))
}
