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
    ticket: Option<(Arrival, Generation)>,
    /// A further argument, whose meaning depends on the script. None if it takes none.
    number: Option<u64>,
}

impl UserRequest {
    /// Returns a request of `user` with `ticket`.
    pub(crate) fn new(user: &UserId, ticket: Option<&Ticket>) -> Self {
        Self {
            member: Member::from(user),
            ticket: ticket.map(|ticket| (ticket.arrival, ticket.generation)),
            number: None,
        }
    }

    /// Returns a request to record a heartbeat, with its instant as the number.
    pub(crate) fn of_heartbeat(heartbeat: &Heartbeat) -> Self {
        // An instant before 1970 counts as 1970, which is older than every recorded heartbeat.
        let at = u64::try_from(heartbeat.at.as_microsecond()).unwrap_or(0);
        Self {
            member: Member::from(&heartbeat.user),
            // A heartbeat belongs to the place with its arrival. The script ignores the generation.
            ticket: Some((heartbeat.arrival, Generation(0))),
            number: Some(at),
        }
    }

    /// Adds only the member to the arguments of a script.
    pub(crate) fn add_member_to(&self, call: &mut Cmd) {
        call.arg(self.member.as_bytes());
    }

    /// Returns true if the request changes nothing for a place that is claimed already, and the
    /// arrival is so early that the user probably does not wait any more.
    pub(crate) fn only_reads(&self, admitted_up_to: Arrival) -> bool {
        let is_admitted = self
            .ticket
            .is_some_and(|(arrival, _)| arrival <= admitted_up_to);
        is_admitted && self.number.is_none()
    }

    /// Sets the number for the script.
    pub(crate) fn with_number(self, number: Option<u64>) -> Self {
        Self { number, ..self }
    }

    /// Adds the four arguments of the user to those of a script.
    pub(crate) fn add_to(&self, call: &mut Cmd) {
        call.arg(self.member.as_bytes());
        match self.ticket {
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
    /// The line has the maximum number of users.
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
    pub(crate) code: ReplyCode,
    /// The view of the queue.
    pub(crate) queue: QueueView,
    generation: Generation,
    place: Option<(Arrival, Standing)>,
}

impl UserReply {
    /// Returns the generation of the queue and the arrival of the place. None unless it is active.
    pub(crate) fn active(&self) -> Option<(Generation, Arrival)> {
        match self.place {
            Some((arrival, Standing::Active { .. })) => Some((self.generation, arrival)),
            _ => None,
        }
    }

    /// Returns the same as [`UserReply::place`]. None if the place is gone.
    pub(crate) fn place_if_any(
        &self,
        concert: ConcertId,
        user: &UserId,
    ) -> StoreResult<Option<Place>> {
        let has_place = self.code != ReplyCode::Gone;
        has_place.then(|| self.place(concert, user)).transpose()
    }

    /// Returns the place of `user` in the queue of `concert`. Errors if the reply has none.
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
    pub(crate) replies: Option<Vec<UserReply>>,
}

impl BatchReply {
    /// Parses a reply. Errors unless it has one record for each user of the call.
    pub(crate) fn read(mut reply: Reply, users: usize) -> StoreResult<Self> {
        let as_of = reply.as_of;
        if reply.word == "unknown" {
            return Ok(Self {
                as_of,
                listing: None,
                replies: None,
            });
        }
        let queue = reply.view()?;
        let generation = reply.generation()?;
        let admitted = reply.count()?;
        let listing = reply.optional()?;
        let records = reply.bytes()?;
        let (records, []) = records.as_chunks::<RECORD_BYTES>() else {
            return Err(reply::malformed_reply());
        };
        if records.len() != users {
            return Err(reply::malformed_reply());
        }
        let replies = records.iter().map(|record| {
            let (code, place) = read_record(record, admitted)?;
            Ok(UserReply {
                code,
                queue,
                generation,
                place,
            })
        });
        Ok(Self {
            as_of,
            listing,
            replies: Some(replies.collect::<StoreResult<_>>()?),
        })
    }
}

/// Parses the reply of `lua/claimed.lua` to these requests. None for a user without a claimed
/// place, or whose place belongs to another ticket or has expired.
pub(crate) fn read_claimed<'a>(
    mut reply: Reply,
    requests: impl ExactSizeIterator<Item = &'a UserRequest>,
) -> StoreResult<Vec<Option<Stamped<UserReply>>>> {
    let as_of = reply.as_of;
    if reply.word == "unknown" {
        return Ok(requests.map(|_| None).collect());
    }
    let queue = reply.view()?;
    let generation = reply.generation()?;
    let stored = reply.list()?;
    if stored.len() != requests.len() {
        return Err(reply::malformed_reply());
    }
    let replies = stored.zip(requests).map(|(stored, request)| {
        let Some((arrival, admitted_at, until)) = claimed(&stored)? else {
            return Ok(None);
        };
        let is_theirs = request
            .ticket
            .is_some_and(|(ticket_arrival, _)| ticket_arrival == arrival);
        let standing = Standing::Active {
            admitted_at,
            until,
            claimed: true,
        };
        let reply = UserReply {
            code: ReplyCode::Place,
            queue,
            generation,
            place: Some((arrival, standing)),
        };
        Ok((is_theirs && as_of < until).then_some(Stamped {
            as_of,
            value: reply,
        }))
    });
    replies.collect()
}

/// Returns arrival, admission and deadline of a stored active place (`pack_place` in
/// `lua/parts/queue.lua`). None unless it is claimed.
fn claimed(stored: &Value) -> StoreResult<Option<(Arrival, Timestamp, Timestamp)>> {
    let Value::BulkString(stored) = stored else {
        return Ok(None);
    };
    let (&[arrival, admitted_at, _, until], []) = stored.as_chunks() else {
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
const RECORD_BYTES: usize = 26;

/// Parses the record of one user: the outcome and the place. `admitted` is the number of users who
/// were admitted from the line.
fn read_record(
    &[code, standing, ref numbers @ ..]: &[u8; RECORD_BYTES],
    admitted: u64,
) -> StoreResult<(ReplyCode, Option<(Arrival, Standing)>)> {
    let code = ReplyCode::ALL.get(usize::from(code));
    let code = *code.ok_or_else(reply::malformed_reply)?;
    let (&[arrival, first, second], []) = numbers.as_chunks() else {
        return Err(reply::malformed_reply());
    };
    let [arrival, first, second] = [arrival, first, second].map(i64::from_le_bytes);
    let standing = match standing {
        0 => return Ok((code, None)),
        1 => Standing::Waiting {
            position: reply::count(first)?,
            behind: reply::count(second)?,
            admitted,
        },
        2 | 3 => Standing::Active {
            admitted_at: reply::instant(first)?,
            until: reply::instant(second)?,
            claimed: standing == 3,
        },
        _ => return Err(reply::malformed_reply()),
    };
    Ok((code, Some((Arrival::from_micros(arrival), standing))))
}
