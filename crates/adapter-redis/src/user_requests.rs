//! What a script is asked about people, and what it tells of them (`lua/users.lua`).

use deadpool_redis::redis::{Cmd, Value};
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{Arrival, Generation, Heartbeat, Place, QueueView, Standing, Ticket},
    },
    ports::{Stamped, StoreResult},
};
use jiff::Timestamp;

use crate::{
    member::Member,
    reply::{self, Reply},
};

/// Somebody whom a script is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UserRequest {
    pub(crate) member: Member,
    /// The arrival and the generation of the ticket that they show, if any.
    shown: Option<(Arrival, Generation)>,
    /// What the script wants to know besides, if anything.
    number: Option<u64>,
}

impl UserRequest {
    /// `user`, who shows `ticket`.
    pub(crate) fn new(user: &UserId, ticket: Option<&Ticket>) -> Self {
        Self {
            member: Member::from(user),
            shown: ticket.map(|ticket| (ticket.arrival, ticket.generation)),
            number: None,
        }
    }

    /// The user of a heartbeat that was kept until now.
    pub(crate) fn of_heartbeat(heartbeat: &Heartbeat) -> Self {
        // An instant before 1970 is older than every other, as 1970 is.
        let at = u64::try_from(heartbeat.at.as_microsecond()).unwrap_or(0);
        Self {
            member: Member::from(&heartbeat.user),
            // A heartbeat is of one place, whatever the generation of its ticket.
            shown: Some((heartbeat.arrival, Generation(0))),
            number: Some(at),
        }
    }

    /// Adds them to what a script is called with that wants to know no more than who they are.
    pub(crate) fn add_member_to(&self, call: &mut Cmd) {
        call.arg(self.member.as_bytes());
    }

    /// True where their place changes by no question if it is claimed already, and they came so early that
    /// they do not wait any more.
    pub(crate) fn only_looks(&self, admitted_up_to: Arrival) -> bool {
        let is_admitted = self
            .shown
            .is_some_and(|(arrival, _)| arrival <= admitted_up_to);
        is_admitted && self.number.is_none()
    }

    /// With the number that the script wants.
    pub(crate) fn with(self, number: Option<u64>) -> Self {
        Self { number, ..self }
    }

    /// Adds them to what a script is called with.
    pub(crate) fn add_to(&self, call: &mut Cmd) {
        call.arg(self.member.as_bytes());
        match self.shown {
            Some((arrival, generation)) => call.arg(arrival.micros()).arg(generation.to_string()),
            None => call.arg("").arg(""),
        };
        match self.number {
            Some(number) => call.arg(number),
            None => call.arg(""),
        };
    }
}

/// What came of asking about somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyCode {
    /// Their place is gone, or never was.
    Gone,
    /// They have a place.
    Place,
    /// They have a new place.
    Joined,
    /// The queue is closed.
    Closed,
    /// Every seat is sold.
    SoldOut,
    /// As many wait as may.
    Full,
    /// They left their place.
    Left,
    /// The last performance has started.
    Ended,
}

impl ReplyCode {
    /// In the order of the numbers by which `lua/users.lua` tells them.
    const ALL: [Self; 8] = [
        Self::Gone,
        Self::Place,
        Self::Joined,
        Self::Closed,
        Self::SoldOut,
        Self::Full,
        Self::Left,
        Self::Ended,
    ];
}

/// What one person is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UserReply {
    pub(crate) came: ReplyCode,
    /// What the queue is like.
    pub(crate) queue: QueueView,
    generation: Generation,
    place: Option<(Arrival, Standing)>,
}

impl UserReply {
    /// The generation of the queue and the arrival of who is active there.
    pub(crate) fn active(&self) -> Option<(Generation, Arrival)> {
        match self.place {
            Some((arrival, Standing::Active { .. })) => Some((self.generation, arrival)),
            _ => None,
        }
    }

    /// As [`UserReply::place`]. None where it is gone.
    pub(crate) fn place_if_any(
        &self,
        concert: ConcertId,
        user: &UserId,
    ) -> StoreResult<Option<Place>> {
        let has_place = self.came != ReplyCode::Gone;
        has_place.then(|| self.place(concert, user)).transpose()
    }

    /// The place of `user` in the queue of `concert`.
    pub(crate) fn place(&self, concert: ConcertId, user: &UserId) -> StoreResult<Place> {
        let (arrival, standing) = self.place.ok_or_else(reply::malformed_reply)?;
        Ok(Place {
            ticket: Ticket {
                concert,
                user: user.clone(),
                arrival,
                generation: self.generation,
            },
            standing,
            queue: self.queue,
        })
    }
}

/// What a call about people says.
#[derive(Debug)]
pub(crate) struct BatchReply {
    /// When that was true.
    pub(crate) as_of: Timestamp,
    /// The number under which the queue is to be listed as busy, where it is not.
    pub(crate) listing: Option<i64>,
    /// What each is told, in the order in which they were asked about; none where the store does not
    /// have the queue.
    pub(crate) told: Option<Vec<UserReply>>,
}

impl BatchReply {
    /// Reads what is told to this many people.
    pub(crate) fn read(mut reply: Reply, people: usize) -> StoreResult<Self> {
        let as_of = reply.as_of;
        if reply.what == "unknown" {
            return Ok(Self {
                as_of,
                listing: None,
                told: None,
            });
        }
        let queue = reply.view()?;
        let generation = reply.generation()?;
        let admitted = reply.count()?;
        let listing = reply.optional()?;
        let records = reply.bytes()?;
        let (records, []) = records.as_chunks::<RECORD>() else {
            return Err(reply::malformed_reply());
        };
        if records.len() != people {
            return Err(reply::malformed_reply());
        }
        let told = records.iter().map(|record| {
            let (came, place) = read_record(record, admitted)?;
            Ok(UserReply {
                came,
                queue,
                generation,
                place,
            })
        });
        Ok(Self {
            as_of,
            listing,
            told: Some(told.collect::<StoreResult<_>>()?),
        })
    }
}

/// What a look at claimed places says of these people: none of who has no such place, or one that is not
/// their ticket's, or past its end.
pub(crate) fn read_claimed<'a>(
    mut reply: Reply,
    people: impl ExactSizeIterator<Item = &'a UserRequest>,
) -> StoreResult<Vec<Option<Stamped<UserReply>>>> {
    let as_of = reply.as_of;
    if reply.what == "unknown" {
        return Ok(people.map(|_| None).collect());
    }
    let queue = reply.view()?;
    let generation = reply.generation()?;
    let kept = reply.list()?;
    if kept.len() != people.len() {
        return Err(reply::malformed_reply());
    }
    let told = kept.zip(people).map(|(kept, person)| {
        let Some((arrival, admitted_at, until)) = claimed(&kept)? else {
            return Ok(None);
        };
        let is_theirs = person.shown.is_some_and(|(shown, _)| shown == arrival);
        let standing = Standing::Active {
            admitted_at,
            until,
            claimed: true,
        };
        let told = UserReply {
            came: ReplyCode::Place,
            queue,
            generation,
            place: Some((arrival, standing)),
        };
        Ok((is_theirs && as_of < until).then_some(Stamped { as_of, value: told }))
    });
    told.collect()
}

/// Arrival, admission and end of a place as it is kept (`pack_place` in `lua/queue.lua`), if it is claimed.
fn claimed(kept: &Value) -> StoreResult<Option<(Arrival, Timestamp, Timestamp)>> {
    let Value::BulkString(kept) = kept else {
        return Ok(None);
    };
    let (&[arrival, admitted_at, _, until], []) = kept.as_chunks() else {
        return Ok(None);
    };
    let [arrival, admitted_at, until] = [arrival, admitted_at, until].map(i64::from_le_bytes);
    Ok(Some((
        Arrival::from_micros(arrival),
        reply::instant(admitted_at)?,
        reply::instant(until)?,
    )))
}

/// How many bytes tell of one person.
const RECORD: usize = 26;

/// What came of asking about one person, and their place; `admitted` were admitted from the line until now.
fn read_record(
    &[came, standing, ref numbers @ ..]: &[u8; RECORD],
    admitted: u64,
) -> StoreResult<(ReplyCode, Option<(Arrival, Standing)>)> {
    let came = ReplyCode::ALL.get(usize::from(came));
    let came = *came.ok_or_else(reply::malformed_reply)?;
    let (&[arrival, one, other], []) = numbers.as_chunks() else {
        return Err(reply::malformed_reply());
    };
    let [arrival, one, other] = [arrival, one, other].map(i64::from_le_bytes);
    let standing = match standing {
        0 => return Ok((came, None)),
        1 => Standing::Waiting {
            position: reply::count(one)?,
            behind: reply::count(other)?,
            admitted,
        },
        2 | 3 => Standing::Active {
            admitted_at: reply::instant(one)?,
            until: reply::instant(other)?,
            claimed: standing == 3,
        },
        _ => return Err(reply::malformed_reply()),
    };
    Ok((came, Some((Arrival::from_micros(arrival), standing))))
}
