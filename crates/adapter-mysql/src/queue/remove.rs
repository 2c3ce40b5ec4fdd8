//! Removing what is over: places past their end, and those that their users have left.
//!
//! Which they are is read without locks from an index. Then their rows are locked in the order of the primary
//! key and looked at again, so whoever was heard of in between stays. The caller holds the lock of the
//! queue's head, where they are counted out.

use diesel::{
    QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Text, TinyInt},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{ConcertId, UserId, queue::EffectiveState};
use jiff::Timestamp;

use super::{
    counts::Counts,
    head::Head,
    places::{self, Cutoffs, Phase, PlaceRow, users_list},
    returns,
    ticks::Order,
};
use crate::{session::Session, statement::Fixed};

/// How many active places past their end are removed at most to make room for others.
const ROOM_MAX: u32 = 1_000;

/// How many rows of those who left, or of whom nothing need be remembered, a tick removes at most.
pub(super) const LEFT_MAX: u32 = 1_000;

/// The rows in a phase that are over, from an index alone.
macro_rules! due {
    ($phase:literal) => {
        concat!(
            "(SELECT p.user_id, p.phase FROM queue_places p FORCE INDEX (queue_places_ends) \
             WHERE p.concert_id = ? AND p.phase = ",
            $phase,
            " AND p.since_us <= ? ORDER BY p.since_us LIMIT ?)"
        )
    };
}

const DUE: &str = concat!(
    due!(0),
    " UNION ALL ",
    due!(1),
    " UNION ALL ",
    due!(2),
    " UNION ALL ",
    due!(3),
    " UNION ALL ",
    due!(4),
    " UNION ALL ",
    due!(5),
    " UNION ALL ",
    due!(6)
);

const REMOVE: &str = concat!(
    "DELETE p FROM ",
    users_list!(),
    " STRAIGHT_JOIN queue_places p ON p.concert_id = ? AND p.user_id = j.user_id"
);

const REMEMBER: &str = concat!(
    "UPDATE ",
    users_list!(),
    " STRAIGHT_JOIN queue_places p ON p.concert_id = ? AND p.user_id = j.user_id SET p.phase = 6"
);

/// Rows that seem to be over.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// Whose places are past their end.
    ended: Vec<UserId>,
    /// Whose rows are to be counted out, or need not be remembered any more.
    left: Vec<UserId>,
}

impl Due {
    pub(super) fn users(&self) -> impl Iterator<Item = &UserId> {
        self.ended.iter().chain(&self.left)
    }

    /// True for somebody whose place is past its end.
    pub(super) fn has(&self, user: &UserId) -> bool {
        self.ended.contains(user)
    }

    /// True when there may be more of those who left than were read.
    pub(super) fn may_have_left_more(&self) -> bool {
        self.left.len() >= LEFT_MAX as usize
    }
}

/// Which rows of these phases are over at `now`; at most `limit` that are past their end.
pub(super) async fn due(
    session: &mut Session,
    Order { concert, limit }: Order,
    head: &Head,
    phases: &[Phase],
    now: Timestamp,
) -> QueryResult<Due> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Row {
        #[diesel(sql_type = Text)]
        user_id: String,
        #[diesel(sql_type = TinyInt)]
        phase: i8,
    }
    let cutoffs = head.cutoffs(now);
    let mut statement = sql_query(DUE).into_boxed();
    for phase in Phase::ALL {
        let wanted =
            phases.contains(&phase) && !(phase == Phase::Over && head.takes_people_back(now));
        let most = if phase.ends() { limit } else { LEFT_MAX };
        statement = statement
            .bind::<Binary, _>(concert.0.as_bytes().as_slice())
            .bind::<BigInt, _>(cutoff(cutoffs, phase))
            .bind::<BigInt, _>(if wanted { i64::from(most) } else { 0 });
    }
    let rows: Vec<Row> = Fixed(statement).load(session.connection()).await?;
    let mut due = Due::default();
    for row in rows {
        let user = places::user_of(&row.user_id)?;
        if !Phase::of(row.phase)?.ends() {
            due.left.push(user);
        } else if due.ended.len() < limit as usize {
            due.ended.push(user);
        }
    }
    Ok(due)
}

fn cutoff(cutoffs: Cutoffs, phase: Phase) -> i64 {
    match phase {
        Phase::Back | Phase::Waiting => cutoffs.waiting,
        Phase::Admitted => cutoffs.admitted,
        Phase::Claimed => cutoffs.claimed,
        Phase::LeftLine | Phase::LeftActive | Phase::Over => i64::MAX,
    }
}

/// Removes those of these locked rows that are over at `now`, and counts them out in `head`, which the
/// caller saves. Gives how many were past their end.
pub(super) async fn remove(
    session: &mut Session,
    concert: ConcertId,
    head: &mut Head,
    rows: &[(UserId, PlaceRow)],
    now: Timestamp,
) -> QueryResult<u32> {
    let mut ended = 0;
    let mut came_back = Vec::new();
    let lives = head.lives(now);
    let over: Vec<_> = rows
        .iter()
        .filter(|(_, row)| !row.is_held(&lives, now))
        .collect();
    for (_, row) in &over {
        ended += u32::from(row.phase.ends());
        if row.phase.counts_in_line() {
            head.removed_waiting += 1;
            if row.seq.is_none() {
                came_back.push(row.arrival);
            }
        } else if row.phase.counts_as_active() {
            head.removed_active += 1;
        }
    }
    erase(
        session,
        concert,
        head,
        over.iter().map(|(user, _)| user),
        now,
    )
    .await?;
    head.back_in_line -= i64::try_from(came_back.len()).unwrap_or_default();
    returns::take(session, concert, &came_back).await?;
    Ok(ended)
}

/// Erases the rows of these users, which the caller has locked and counted out. While people may come back they
/// stay, as a memory.
pub(super) async fn erase(
    session: &mut Session,
    concert: ConcertId,
    head: &Head,
    users: impl Iterator<Item = &UserId>,
    now: Timestamp,
) -> QueryResult<()> {
    let Some(list) = places::list_of(users) else {
        return Ok(());
    };
    let remembers = head.takes_people_back(now);
    let statement = sql_query(if remembers { REMEMBER } else { REMOVE })
        .bind::<Text, _>(list)
        .bind::<Binary, _>(concert.0.as_bytes().as_slice());
    Fixed(statement)
        .execute(session.connection())
        .await
        .map(drop)
}

/// Which active places have to be removed before others are admitted, where there is a limit on them: a place
/// that is merely past its end may be claimed at this very moment, so only a removed one surely does not
/// count any more.
pub(super) async fn due_for_room(
    session: &mut Session,
    concert: ConcertId,
    head: &Head,
    counts: &Counts,
    now: Timestamp,
) -> QueryResult<Due> {
    let limited = head.policy().capacity.is_some() && head.state(now) == EffectiveState::Open;
    if !limited || counts.over_active == 0 {
        return Ok(Due::default());
    }
    let order = Order {
        concert,
        limit: ROOM_MAX,
    };
    due(
        session,
        order,
        head,
        &[Phase::Admitted, Phase::Claimed],
        now,
    )
    .await
}
