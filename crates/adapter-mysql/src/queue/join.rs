//! The transaction that joins share.
//!
//! It locks the queue's tail, so that the joins of all processes come one batch after the other, then reads
//! the head and whether anybody waits. Where somebody does, everyone in the batch waits behind them, and
//! the head stays unlocked. Where nobody does and the state admits people, or where somebody may come back
//! after a loss, it locks the head as well, always after the tail, and reads again. Then it locks the rows
//! that the users have, decides ([`Entering`]), and writes all new places with one statement.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use diesel::QueryResult;
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{Place, Ticket},
    },
    ports::{JoinOutcome, Stamped, StoreResult},
};
use futures_util::FutureExt;

use super::{
    MySqlQueue,
    batches::{Answer, Batch, Request},
    counts,
    entering::Entering,
    look_up::{self, Whose},
    places::{self, PlaceRow},
    remove::{self, Due},
    situation::{self, Situation},
    tail::{self, Tail},
    ticks,
};
use crate::{calls::Turn, errors, session::Session};

/// How often a user is looked for who had a place a moment ago.
const ATTEMPTS_MAX: u32 = 10;

impl MySqlQueue {
    /// Takes a place for `user`, or finds the one that they have.
    pub(super) async fn join_queue(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        let whose = Whose {
            concert,
            user: user.clone(),
        };
        for _ in 0..ATTEMPTS_MAX {
            let request = Request::Join {
                user: user.clone(),
                shown: shown.clone(),
            };
            let Stamped { as_of, value } = self.ask(concert, request).await?;
            let value = match value {
                Answer::Entered(place) => JoinOutcome::Joined(place),
                Answer::Refused(why, view) => JoinOutcome::Refused(why, view),
                Answer::NotSeeded => JoinOutcome::NotSeeded,
                Answer::Has | Answer::Gone => match self.held_by(&whose).await? {
                    Some(held) => return Ok(held.map(JoinOutcome::Held)),
                    // It has ended since.
                    None => continue,
                },
            };
            return Ok(Stamped { as_of, value });
        }
        Err(errors::busy("the place changed each time it was looked at"))
    }

    /// The place of `whose` user, if they have one; a sign of life.
    async fn held_by(&self, whose: &Whose) -> StoreResult<Option<Stamped<Place>>> {
        let Stamped { as_of, value } = self.see_as(whose).await?;
        let Some(seen) = value else {
            return Ok(None);
        };
        let place = seen.place(whose, as_of);
        if place.is_some() {
            self.heard_of(whose, &seen, as_of).await?;
        }
        Ok(place.map(|value| Stamped { as_of, value }))
    }

    /// One transaction for all of `batch`.
    pub(super) async fn join_together(
        &self,
        batch: Arc<Batch>,
    ) -> StoreResult<Vec<Stamped<Answer>>> {
        if !self.signs().pending(batch.concert) {
            batch.trust_store();
        }
        loop {
            let answers = self
                .call(Arc::clone(&batch), |session, batch| {
                    join_together(session, batch).boxed()
                })
                .await?;
            if let Some(answers) = answers {
                return Ok(answers);
            }
            // Who gave a sign of life a moment ago may be the only one who waits.
            self.signs().flush(batch.concert).await?;
            batch.trust_store();
        }
    }
}

async fn join_together(
    session: &mut Session,
    batch: &Arc<Batch>,
) -> QueryResult<Turn<Option<Vec<Stamped<Answer>>>>> {
    let concert = batch.concert;
    session.begin().await?;
    let tail = tail::lock(session, concert).await?;
    let requests = batch.requests();
    let (Some(tail), Some(mut situation)) = (tail, situation::read(session, concert).await?) else {
        let as_of = look_up::now(session).await?;
        let none = Stamped {
            as_of,
            value: Answer::NotSeeded,
        };
        return Ok(Turn::Refused(Some(vec![none; requests.len()])));
    };
    let doubts = !situation.line || situation.head.policy().max_waiting.is_some();
    if doubts && !batch.trusts_store() {
        return Ok(Turn::Refused(None));
    }
    let locks_head = batch.needs_head()
        || situation.may_admit()
        || requests
            .iter()
            .any(|request| situation.may_take_back(request));
    if locks_head {
        ticks::lock(session, concert).await?;
        situation = situation::read(session, concert)
            .await?
            .ok_or_else(|| errors::broken("a locked queue is gone"))?;
    }
    let mut entering = enter(
        session,
        batch.concert,
        situation,
        locks_head,
        tail,
        &requests,
    )
    .await?;
    let now = entering.now;
    let answers: Vec<_> = requests
        .into_iter()
        .map(|request| Stamped {
            as_of: now,
            value: entering.answer(request),
        })
        .collect();
    if entering.wants_head {
        batch.need_head();
        return Ok(Turn::Again);
    }
    if !entering.changes_anything() {
        return Ok(Turn::Refused(Some(answers)));
    }
    Ok(if tail::write(session, concert, &entering).await? {
        Turn::Done(Some(answers))
    } else {
        Turn::Again
    })
}

/// Reads all that is needed to decide about `requests`, and locks the rows of their users.
async fn enter(
    session: &mut Session,
    concert: ConcertId,
    situation: Situation,
    locks_head: bool,
    tail: Tail,
    requests: &[Request],
) -> QueryResult<Entering> {
    let admits = situation.may_admit();
    let Situation {
        now,
        mut head,
        line,
    } = situation;
    let head_before = head.clone();
    let policy = head.policy();
    let mut counted = None;
    if policy.max_waiting.is_some() || (admits && policy.capacity.is_some()) {
        counted = Some(counts::count_places(session, concert, head.cutoffs(now)).await?);
    }
    let mut due = Due::default();
    if let Some(counts) = counted.filter(|_| admits && locks_head) {
        due = remove::due_for_room(session, concert, &head, &counts, now).await?;
    }
    let users = requests.iter().map(Request::user);
    // All at once, so that they are locked in their order.
    let rows = places::lock(session, concert, users.chain(due.users())).await?;
    let ended: Vec<_> = rows
        .iter()
        .filter(|(user, _)| due.has(user))
        .cloned()
        .collect();
    let removed = remove::remove(session, concert, &mut head, &ended, now).await?;
    let mut rows: HashMap<UserId, PlaceRow> = rows.into_iter().collect();
    let lives = head.lives(now);
    for (user, row) in ended.iter().filter(|(_, row)| !row.is_held(&lives, now)) {
        // As it is in the store by now.
        rows.remove(user);
        if head.takes_people_back(now) {
            rows.insert(user.clone(), row.over());
        }
    }
    Ok(Entering {
        concert,
        now,
        locks_head,
        wants_head: false,
        head_before,
        head,
        tail,
        line,
        waiting: counted.map_or(0, |counts| counts.waiting),
        occupied: counted.map_or(0, |counts| {
            counts.active + counts.over_active.saturating_sub(removed.into())
        }),
        rows,
        entered: BTreeMap::new(),
        turned_away: BTreeSet::new(),
        came_back: Vec::new(),
        replaced: Vec::new(),
    })
}
