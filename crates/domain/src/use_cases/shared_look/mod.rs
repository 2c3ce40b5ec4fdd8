//! Answers many who wait from one look at their line.

mod attempts;
mod counts;
mod departed;
mod refused;
mod room;
mod shard;
mod sightings;
mod tombstones;
mod turns;
mod watch;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::lock::Mutex;
use jiff::Timestamp;

pub use self::counts::LookUpCounts;
use self::{
    counts::Counters,
    room::Room,
    shard::Answer,
    sightings::Look,
    watch::{Asking, Watch},
};
use crate::{
    model::{
        ConcertId, UserId,
        queue::{GatePurpose, Left, Line, SignOfLife, Ticket},
    },
    ports::{
        Clock, GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Queue, Stamped, StoreResult,
        WaitingLine,
    },
};

/// A queue that answers those who wait from one look at their line, shared by all who ask this
/// instance.
///
/// It stands before a queue's store and keeps its contract, but for the age of what it tells: a
/// look-up of somebody whom this instance has lately found waiting in the store may be answered from
/// a look up to [`SharedLook::MAX_AGE`] old, as its instant says. Everything else is asked of the
/// store, the gate always, and what the store answers is remembered.
///
/// # When a look is enough
/// A look tells who was admitted, and who left, at any instance. What it cannot tell, a user is asked
/// of the store for: anybody not found there for one and a half times
/// [`Line::heartbeat_within`](crate::model::queue::Line::heartbeat_within), while people come back
/// after a loss, and when the store's clock has stepped back. Whoever leaves through this instance is
/// forgotten at once.
///
/// # Slow answers
/// The store may take longer to answer than a look lasts. An answer that was asked for before the
/// newest look is remembered all the same, unless its user has left since or it took longer than 10 s.
///
/// # Positions
/// They follow from the last one that the store told and from how many were admitted since, so they
/// are over-stated only by people who left since; through one instance they never grow. How many wait
/// behind is what remains of those who wait.
///
/// # Signs of life
/// A look-up that is answered here is a heartbeat that the store does not see.
/// [`SharedLook::tell_signs`] tells the last one of each user, with its instant, when
/// [`Line::heartbeat_within`](crate::model::queue::Line::heartbeat_within) has passed since the one
/// that the store has. The store answers where the place is, so a user who polls one instance is
/// looked up in the store once.
///
/// A request that the store refuses, for overload or because it is down, is a heartbeat too. It is
/// told as soon as the store takes it.
///
/// # Failures
/// Where a look fails, those who are remembered are answered from the last one for up to
/// [`SharedLook::STALE_MAX`], as its instant says, and the others ask the store directly. The next
/// look is taken 500 ms later at the earliest, so that a store that has too much to do is not asked
/// for one by each request.
pub struct SharedLook {
    queue: Arc<dyn Queue>,
    asking: Asking,
    room: Arc<Room>,
    counters: Counters,
    watches: RwLock<HashMap<ConcertId, Arc<Watch>>>,
    /// Signs of life are told by one at a time: of two, the second would tell them again.
    telling: Mutex<()>,
}

impl SharedLook {
    /// How old a look may be, by this instance's clock, when somebody is answered from it.
    pub const MAX_AGE: Duration = Duration::from_millis(500);

    /// How old a look may be, by this instance's clock, when somebody is answered from it because
    /// newer ones fail.
    pub const STALE_MAX: Duration = Duration::from_secs(5);

    /// How many users an instance remembers unless told otherwise, in about 200 bytes each.
    pub const MOST_USERS: usize = 1_000_000;

    /// How often the store is told of a queue's signs of life in one run at most; what is left is
    /// told by the next.
    const CALLS: usize = 400;

    /// For how long the store is not told of somebody at most, in longest pauses between two polls. A
    /// waiting time to live is four of them at least, so a policy that shortens it finds a sign of life
    /// in the store of everybody who polls.
    const LONGEST_SILENCE: u32 = 2;

    /// Answers for `queue`, whose lines `line` shows, and remembers `most_users` at most: others ask
    /// the store. `clock` says how old a look is, `longest_poll` is the longest pause that anybody is
    /// told to make between two polls.
    #[must_use]
    pub fn new(
        queue: Arc<dyn Queue>,
        line: Arc<dyn WaitingLine>,
        clock: Arc<dyn Clock>,
        most_users: usize,
        longest_poll: Duration,
    ) -> Self {
        Self {
            queue,
            asking: Asking {
                line,
                clock,
                longest_silence: longest_poll * Self::LONGEST_SILENCE,
            },
            room: Arc::new(Room::new(most_users)),
            counters: Counters::default(),
            watches: RwLock::default(),
            telling: Mutex::default(),
        }
    }

    /// Tells the store of the heartbeats that were held back for long enough, remembers where it finds
    /// their users, and forgets users who were silent; returns how many it told. Drops what is known of
    /// queues for which nobody asks any more. To be called every second or so.
    ///
    /// # Errors
    /// When the queues' store fails. What it was not told is kept for the next run; other queues are
    /// told meanwhile. Signs are told also where only looks fail.
    pub async fn tell_signs(&self) -> StoreResult<u64> {
        let _turn = self.telling.lock().await;
        let mut told = 0;
        let mut result = Ok(());
        for (concert, watch) in self.all() {
            match self.tell_signs_of(concert, &watch).await {
                Ok(count) => told += count,
                Err(error) => result = result.and(Err(error)),
            }
        }
        self.drop_unused();
        result.map(|()| told)
    }

    /// The newest look at the line of `concert`, at most [`SharedLook::MAX_AGE`] old. The concert
    /// is one that there is.
    ///
    /// # Errors
    /// When the queues' store fails.
    pub async fn line(&self, concert: ConcertId) -> StoreResult<LineLook> {
        let watch = self.watch(concert);
        watch.newest(&self.asking).await.map(LineLook)
    }

    /// What this instance has counted since its start.
    #[must_use]
    pub fn counts(&self) -> LookUpCounts {
        self.counters.read()
    }

    /// The places in the line of `concert` that ended since this was last asked: of users who left,
    /// at any instance, and of places that ended through this one. Asked by one follower of the
    /// line alone, after each snapshot.
    #[must_use]
    pub fn departed(&self, concert: ConcertId) -> Left {
        self.watch(concert).take_departed()
    }

    /// Nobody follows the line of `concert` any more.
    pub fn stop_following(&self, concert: ConcertId) {
        if let Some(watch) = self.find(concert) {
            watch.stop_following();
        }
    }

    async fn tell_signs_of(&self, concert: ConcertId, watch: &Arc<Watch>) -> StoreResult<u64> {
        if !watch.remembers_anybody() {
            return Ok(0);
        }
        let fresh = watch.freshen(&self.asking).await;
        let now = self.asking.clock.now();
        let mut told = 0;
        for _ in 0..Self::CALLS {
            let signs = watch.due_signs(SignOfLife::AT_ONCE, now);
            if signs.is_empty() {
                break;
            }
            let tag = watch.tag();
            let found = self.asking.line.heard_of(concert, &signs).await?;
            if found
                .iter()
                .any(|found| found.value == LookUpOutcome::NotSeeded)
            {
                break;
            }
            watch.told(tag, &signs, &found);
            self.counters.wrote_heartbeats(signs.len() as u64);
            told += signs.len() as u64;
        }
        fresh.map(|()| told)
    }

    /// Drops what is known of queues for which nobody asks any more.
    fn drop_unused(&self) {
        let now = self.asking.clock.now();
        let watches = self.all().into_iter();
        let unused: Vec<_> = watches
            .filter(|(_, watch)| watch.is_unused(now))
            .map(|(concert, _)| concert)
            .collect();
        if unused.is_empty() {
            return;
        }
        let mut watches = self.watches.write().unwrap_or_else(PoisonError::into_inner);
        for concert in unused {
            // Others get it under the lock alone: where it is nobody's else, it stays so.
            if let Entry::Occupied(entry) = watches.entry(concert)
                && Arc::strong_count(entry.get()) == 1
                && entry.get().is_unused(now)
            {
                entry.remove();
            }
        }
        watches.shrink_to_fit();
    }

    /// Keeps the heartbeat of a request that the store has refused.
    fn heard(&self, ticket: &Ticket) {
        let now = self.asking.clock.now();
        self.watch(ticket.concert).heard(ticket, now);
    }

    /// What is known of a queue in which somebody has been looked up.
    fn find(&self, concert: ConcertId) -> Option<Arc<Watch>> {
        let watches = self.watches.read().unwrap_or_else(PoisonError::into_inner);
        watches.get(&concert).map(Arc::clone)
    }

    /// As [`SharedLook::find`], for a concert that a token names: only those are watched, so that
    /// there are no more than there were ever queues.
    fn watch(&self, concert: ConcertId) -> Arc<Watch> {
        self.find(concert).unwrap_or_else(|| {
            let mut watches = self.watches.write().unwrap_or_else(PoisonError::into_inner);
            let watch = watches
                .entry(concert)
                .or_insert_with(|| Arc::new(Watch::new(concert, Arc::clone(&self.room))));
            Arc::clone(watch)
        })
    }

    fn all(&self) -> Vec<(ConcertId, Arc<Watch>)> {
        let watches = self.watches.read().unwrap_or_else(PoisonError::into_inner);
        watches
            .iter()
            .map(|(concert, watch)| (*concert, Arc::clone(watch)))
            .collect()
    }
}

/// A look at a line, shared by all who ask.
#[derive(Debug, Clone)]
pub struct LineLook(Arc<Look>);

impl LineLook {
    /// When it was true, by the store's clock.
    #[must_use]
    pub fn as_of(&self) -> Timestamp {
        self.0.as_of
    }

    /// True where it is new enough to be shown at `now`, by the clock of the instance that took it.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.0.is_within(SharedLook::MAX_AGE, now)
    }

    /// The line. None where the store has no such queue.
    #[must_use]
    pub fn line(&self) -> Option<&Line> {
        self.0.line.as_ref()
    }
}

#[async_trait]
impl Queue for SharedLook {
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        let watch = self.find(concert).map(|watch| (watch.tag(), watch));
        let answer = self.queue.join(concert, user, shown.clone()).await;
        if let (Err(_), Some(ticket)) = (&answer, &shown) {
            self.heard(ticket);
        }
        let answer = answer?;
        if let (Some((tag, watch)), JoinOutcome::Joined(place) | JoinOutcome::Held(place)) =
            (watch, &answer.value)
        {
            watch.note(tag, place, answer.as_of);
        }
        Ok(answer)
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        let watch = self.watch(ticket.concert);
        if let Answer::Found(place) = watch.answer(ticket, &self.asking).await {
            self.counters.answered_from_snapshot();
            return Ok(place.map(LookUpOutcome::Found));
        }
        self.counters.asked_store();
        let tag = watch.tag();
        let answer = self.queue.look_up(ticket).await;
        let answer = answer.inspect_err(|_| self.heard(ticket))?;
        match &answer.value {
            LookUpOutcome::Found(place) => watch.note(tag, place, answer.as_of),
            LookUpOutcome::Gone | LookUpOutcome::NotSeeded => watch.forget(ticket.arrival),
        }
        Ok(answer)
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        let watch = self.find(ticket.concert).map(|watch| (watch.tag(), watch));
        let answer = self.queue.pass_gate(ticket, purpose).await;
        let answer = answer.inspect_err(|_| self.heard(ticket))?;
        if let Some((tag, watch)) = watch {
            match &answer.value {
                GateOutcome::Passed(place) | GateOutcome::Waiting(place) => {
                    watch.note(tag, place, answer.as_of);
                }
                GateOutcome::Gone | GateOutcome::NotSeeded => watch.forget(ticket.arrival),
            }
        }
        Ok(answer)
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        let answer = self.queue.leave(ticket).await;
        // Also where it failed: it may have had its effect.
        if let Some(watch) = self.find(ticket.concert) {
            watch.forget(ticket.arrival);
        }
        answer
    }
}

impl fmt::Debug for SharedLook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedLook")
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}
