//! Where a place is: one statement without a lock, by primary keys alone.

use diesel::{
    OptionalExtension, QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{Place, Standing, Ticket},
    },
    ports::{LookUpOutcome, Stamped, StoreResult},
};
use futures_util::{FutureExt, TryFutureExt};
use jiff::Timestamp;

use super::{
    MySqlQueue,
    batches::Request,
    head::{Head, count},
    head_row::{HeadRow, head_columns},
    places::{PlaceColumns, PlaceRow},
    returns::{self, Neighbours},
};
use crate::{calls::Turn, clock::now_us, errors, session::Session, statement::Fixed};

/// How often a place is looked for that others are bringing back or ending at the same time.
const LOOKS_MAX: u32 = 10;

const LOOK: &str = concat!(
    "SELECT ",
    now_us!(),
    ", ",
    head_columns!(),
    ", t.last_seq, p.arrival, p.seq, p.phase, p.since_us, p.admitted_at_us, p.claimed_at_us
     FROM queue_heads h
     JOIN queue_tails t ON t.concert_id = h.concert_id
     LEFT JOIN queue_places p ON p.concert_id = h.concert_id AND p.user_id = ?
     WHERE h.concert_id = ?"
);

const NOW: &str = concat!("SELECT ", now_us!());

#[derive(QueryableByName)]
#[diesel(check_for_backend(Mysql))]
struct Row {
    #[diesel(sql_type = BigInt)]
    now_us: i64,
    #[diesel(embed)]
    head: HeadRow,
    #[diesel(sql_type = BigInt)]
    last_seq: i64,
    #[diesel(embed)]
    place: PlaceColumns,
}

/// A queue as one user sees it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) head: Head,
    last_seq: i64,
    /// The user's row, whatever it says.
    pub(super) row: Option<PlaceRow>,
    /// Who stands around it, in a line where anybody came back after a loss.
    neighbours: Option<Neighbours>,
}

/// Whose place is asked for.
#[derive(Debug, Clone)]
pub(super) struct Whose {
    pub(super) concert: ConcertId,
    pub(super) user: UserId,
}

impl From<&Ticket> for Whose {
    fn from(ticket: &Ticket) -> Self {
        Self {
            concert: ticket.concert,
            user: ticket.user.clone(),
        }
    }
}

/// What time it is, for an answer that no other statement is needed for.
pub(super) async fn now(session: &mut Session) -> QueryResult<Timestamp> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Now {
        #[diesel(sql_type = BigInt)]
        now_us: i64,
    }
    let now: Now = Fixed(sql_query(NOW))
        .get_result(session.connection())
        .await?;
    Ok(session.now().at(now.now_us))
}

/// The queue as `whose` user sees it; none where there is no such queue.
pub(super) async fn see(
    session: &mut Session,
    whose: &Whose,
) -> QueryResult<Stamped<Option<Seen>>> {
    let seen = see_alone(session, whose).await?;
    let stands_among_returned = seen.value.as_ref().is_some_and(Seen::stands_among_returned);
    if !stands_among_returned {
        return Ok(seen);
    }
    // Who stands around the place takes a second statement, which must not see a line that has moved since.
    session.begin_look().await?;
    let mut seen = see_alone(session, whose).await?;
    if let Some(seen) = &mut seen.value
        && let Some(place) = seen.row.filter(|_| seen.stands_among_returned())
    {
        let around = returns::around(session, whose.concert, place.arrival).await?;
        seen.neighbours = Some(around);
    }
    session.roll_back().await?;
    Ok(seen)
}

/// The same, without its neighbours.
async fn see_alone(session: &mut Session, whose: &Whose) -> QueryResult<Stamped<Option<Seen>>> {
    let statement = sql_query(LOOK)
        .bind::<Text, _>(whose.user.as_str())
        .bind::<Binary, _>(whose.concert.0.as_bytes().as_slice());
    let row: Option<Row> = Fixed(statement)
        .get_result(session.connection())
        .await
        .optional()?;
    let Some(row) = row else {
        return Ok(Stamped {
            as_of: now(session).await?,
            value: None,
        });
    };
    let seen = Seen {
        head: row.head.try_into()?,
        last_seq: row.last_seq,
        row: row.place.row()?,
        neighbours: None,
    };
    Ok(Stamped {
        as_of: session.now().at(row.now_us),
        value: Some(seen),
    })
}

impl Seen {
    /// True for a place in a line where anybody came back after a loss.
    fn stands_among_returned(&self) -> bool {
        let place = self.row.filter(|place| place.phase.waits());
        place.is_some_and(|place| self.head.back_in_line > 0 || place.seq.is_none())
    }

    /// The place that the user has at `now`.
    pub(super) fn place(&self, whose: &Whose, now: Timestamp) -> Option<Place> {
        let lives = self.head.lives(now);
        let row = self.row.filter(|row| row.is_held(&lives, now))?;
        let standing = row.active(&lives).unwrap_or_else(|| self.waiting(&row));
        Some(self.head.place(whose, row.arrival, standing, now))
    }

    /// Where a place in the line is. Numbers are given out in the order of arrival, so those between the
    /// place and the last whom admission has passed are ahead; who of them has left is counted too.
    fn waiting(&self, row: &PlaceRow) -> Standing {
        let numbers = |from: i64, to: i64| count(to - from);
        let (passed, last) = (self.head.passed_seq, self.last_seq);
        let (joined_ahead, joined_behind) = match (row.seq, &self.neighbours) {
            (Some(seq), _) => (numbers(passed + 1, seq), numbers(seq, last)),
            (None, Some(around)) => (
                around.joined_before.map_or(0, |seq| numbers(passed, seq)),
                around.joined_after.map_or(0, |seq| numbers(seq - 1, last)),
            ),
            (None, None) => (0, 0),
        };
        let back_ahead = self.neighbours.map_or(0, |around| around.back_before);
        let itself = u64::from(row.seq.is_none());
        let back_behind = count(self.head.back_in_line).saturating_sub(back_ahead + itself);
        let back_behind = if self.neighbours.is_some() {
            back_behind
        } else {
            0
        };
        Standing::Waiting {
            position: joined_ahead + back_ahead + 1,
            behind: joined_behind + back_behind,
            admitted: count(self.head.admitted),
        }
    }
}

impl MySqlQueue {
    /// Where the place of `ticket` is; a sign of life.
    pub(super) async fn look_up_place(
        &self,
        ticket: &Ticket,
    ) -> StoreResult<Stamped<LookUpOutcome>> {
        let whose = Whose::from(ticket);
        for _ in 0..LOOKS_MAX {
            let Stamped { as_of, value } = self.see_as(&whose).await?;
            let Some(seen) = value else {
                return Ok(Stamped {
                    as_of,
                    value: LookUpOutcome::NotSeeded,
                });
            };
            if self.brings_back(ticket, &seen, as_of).await? {
                continue;
            }
            let place = seen.place(&whose, as_of);
            let place = place.filter(|place| place.ticket.arrival == ticket.arrival);
            if place.is_some() {
                self.heard_of(&whose, &seen, as_of).await?;
            }
            return Ok(Stamped {
                as_of,
                value: place.map_or(LookUpOutcome::Gone, LookUpOutcome::Found),
            });
        }
        Err(errors::busy("the place changed each time it was looked at"))
    }

    /// The queue as `whose` user sees it.
    pub(super) async fn see_as(&self, whose: &Whose) -> StoreResult<Stamped<Option<Seen>>> {
        self.call(whose.clone(), |session, whose| {
            see(session, whose).map_ok(Turn::Done).boxed()
        })
        .await
    }

    /// Brings the place of a ticket from before a loss back, if that may be; true when it is to be looked
    /// at again.
    pub(super) async fn brings_back(
        &self,
        ticket: &Ticket,
        seen: &Seen,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let lost = seen.row.is_none() && seen.head.takes_back(ticket, now);
        if lost {
            self.ask(ticket.concert, Request::Return(ticket.clone()))
                .await?;
        }
        Ok(lost)
    }

    /// Notes a sign of life of `whose` user, if they wait.
    pub(super) async fn heard_of(
        &self,
        whose: &Whose,
        seen: &Seen,
        now: Timestamp,
    ) -> StoreResult<()> {
        match seen.row {
            Some(row) if row.phase.waits() => {
                let ttl = seen.head.policy().waiting_ttl;
                self.signs().note(whose, &row, ttl, now).await
            }
            _ => Ok(()),
        }
    }
}
