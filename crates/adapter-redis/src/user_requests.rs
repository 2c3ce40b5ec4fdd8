//! The arguments of a script for each user, and its reply about each (`lua/parts/users.lua`).

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

/// One user of a call, with the arguments for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UserRequest {
    pub(crate) member: Member,
    /// The arrival and the generation of the user's ticket. None without one.
    shown: Option<(Arrival, Generation)>,
    /// A further argument, whose meaning depends on the script. None if it takes none.
    number: Option<u64>,
}

impl UserRequest {
    /// A request of `user` with `ticket`.
    pub(crate) fn new(user: &UserId, ticket: Option<&Ticket>) -> Self {
        Self {
            member: Member::from(user),
            shown: ticket.map(|ticket| (ticket.arrival, ticket.generation)),
            number: None,
        }
    }

    /// A heartbeat that is to be recorded, with its instant as the number.
    pub(crate) fn of_heartbeat(heartbeat: &Heartbeat) -> Self {
        // An instant before 1970 counts as 1970, which is older than every recorded heartbeat.
        let at = u64::try_from(heartbeat.at.as_microsecond()).unwrap_or(0);
        Self {
            member: Member::from(&heartbeat.user),
            // A heartbeat belongs to the place with its arrival. The script ignores the generation.
            shown: Some((heartbeat.arrival, Generation(0))),
            number: Some(at),
        }
    }

    /// Adds only the member to the arguments of a script.
    pub(crate) fn add_member_to(&self, call: &mut Cmd) {
        call.arg(self.member.as_bytes());
    }

    /// True if the request changes nothing for a place that is claimed already, and the arrival is
    /// so early that the user probably does not wait any more.
    pub(crate) fn only_looks(&self, admitted_up_to: Arrival) -> bool {
        let is_admitted = self
            .shown
            .is_some_and(|(arrival, _)| arrival <= admitted_up_to);
        is_admitted && self.number.is_none()
    }

    /// Sets the number for the script.
    pub(crate) fn with(self, number: Option<u64>) -> Self {
        Self { number, ..self }
    }

    /// Adds the four arguments of the user to those of a script.
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

/// The outcome for one user of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyCode {
    /// The place is gone, or never existed.
    Gone,
    /// The user has a place.
    Place,
    /// The user has a new place.
    Joined,
    /// The queue is closed.
    Closed,
    /// Every seat is sold.
    SoldOut,
    /// The line has the most users that it may have.
    Full,
    /// The user has left the queue.
    Left,
    /// The last performance has started.
    Ended,
}

impl ReplyCode {
    /// The outcomes, in the order of their numbers in `lua/parts/users.lua`.
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

/// The reply about one user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UserReply {
    pub(crate) came: ReplyCode,
    /// The view of the queue.
    pub(crate) queue: QueueView,
    generation: Generation,
    place: Option<(Arrival, Standing)>,
}

impl UserReply {
    /// The generation of the queue and the arrival of the place if it is active. None otherwise.
    pub(crate) fn active(&self) -> Option<(Generation, Arrival)> {
        match self.place {
            Some((arrival, Standing::Active { .. })) => Some((self.generation, arrival)),
            _ => None,
        }
    }

    /// As [`UserReply::place`]. None if the place is gone.
    pub(crate) fn place_if_any(
        &self,
        concert: ConcertId,
        user: &UserId,
    ) -> StoreResult<Option<Place>> {
        let has_place = self.came != ReplyCode::Gone;
        has_place.then(|| self.place(concert, user)).transpose()
    }

    /// The place of `user` in the queue of `concert`. Errors if the reply has none.
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

/// The reply to a call about users.
#[derive(Debug)]
pub(crate) struct BatchReply {
    /// The instant of the reply, by the clock of the store.
    pub(crate) as_of: Timestamp,
    /// The number under which the queue is to be listed as busy. None if nothing is to be listed.
    pub(crate) listing: Option<i64>,
    /// The reply for each user, in the order of the requests. None if the store does not have the
    /// queue.
    pub(crate) told: Option<Vec<UserReply>>,
}

impl BatchReply {
    /// Parses a reply. Errors unless it has one record for each user of the call.
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

/// Parses the reply of `lua/claimed.lua` for these users. None for a user without a claimed place,
/// or whose place belongs to another ticket or has expired.
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
    let told = kept.zip(people).map(|(kept, request)| {
        let Some((arrival, admitted_at, until)) = claimed(&kept)? else {
            return Ok(None);
        };
        let is_theirs = request.shown.is_some_and(|(shown, _)| shown == arrival);
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

/// Arrival, admission and deadline of a stored active place (`pack_place` in `lua/parts/queue.lua`). None
/// unless it is claimed.
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

/// The number of bytes in the record of one user.
const RECORD: usize = 26;

/// Parses the record of one user: the outcome and the place. `admitted` is the number of users who
/// were admitted from the line until now.
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
