//! The pending requests, by key, by user and by priority.
//!
//! The cost of every step is constant, however many requests are pending. Only the first request of
//! a user is *ready*. The user's others are *parked* behind it until it is answered, so a batch
//! never has a user twice and no request needs to be skipped. A parked request that becomes ready
//! goes behind all that are ready at that time: a user with many requests delays other users by at
//! most one request in each batch.

use std::{collections::HashMap, time::Duration};

use foldhash::fast::RandomState;
use tokio::{runtime::Handle, sync::oneshot, time::Instant};

use crate::{
    Execute, Overload, Priority, SubmitError,
    priority::LEVELS,
    slab::{List, Place, Slab},
};

/// The result of a request for its caller.
pub(crate) type Answer<E> = Result<<E as Execute>::Response, SubmitError<<E as Execute>::Error>>;

/// A user at a key.
pub(crate) type Who<E> = (Place, <E as Execute>::User);

/// The links of a request in its line while it is ready, or behind its user's first request while
/// it is parked.
const IN_LINE: usize = 0;

/// The links of a request among all of its priority, in the order in which they arrived.
const BY_PRIORITY: usize = 1;

/// The most values for which memory is allocated in advance.
const CAPACITY_MAX: usize = 1 << 16;

/// A request and its caller.
pub(crate) struct Asked<E: Execute> {
    pub(crate) who: Who<E>,
    pub(crate) priority: Priority,
    pub(crate) since: Instant,
    /// The runtime on which the call runs if this is its first request.
    pub(crate) runtime: Handle,
    pub(crate) request: E::Request,
    pub(crate) reply: oneshot::Sender<Answer<E>>,
    /// Sequence number, from 1. No other request has the same.
    pub(crate) number: u64,
    pub(crate) is_parked: bool,
}

impl<E: Execute> Asked<E> {
    pub(crate) fn refuse(self, why: Overload) {
        // The caller may have dropped its receiver.
        let _ = self.reply.send(Err(SubmitError::Overloaded(why)));
    }

    pub(crate) fn has_waited(&self, now: Instant, for_: Duration) -> bool {
        now.duration_since(self.since) >= for_
    }
}

/// The line of one key: its pending requests and its calls.
pub(crate) struct Line<K> {
    pub(crate) key: K,
    ready: [List; LEVELS],
    /// Ready and parked requests.
    pub(crate) pending: usize,
    /// Calls in flight.
    pub(crate) calls: usize,
    /// Calls in flight that have not taken the requests of their start yet.
    pub(crate) calls_to_board: usize,
    /// The index of the list of lines that want a call in which this line is. None if it is in
    /// none.
    pub(crate) turn: Option<usize>,
}

impl<K> Line<K> {
    pub(crate) fn ready(&self) -> usize {
        self.ready.iter().map(List::len).sum()
    }

    /// The highest priority of a ready request.
    pub(crate) fn first_level(&self) -> Option<usize> {
        self.ready.iter().position(|list| list.len() > 0)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.pending == 0 && self.calls == 0
    }
}

/// The entry of a user who has a request that is ready or in a call.
#[derive(Default)]
struct User {
    pending: usize,
    parked: List,
}

/// All pending requests. A key or a user has an entry only while it has a request or a call.
pub(crate) struct Pending<E: Execute> {
    requests: Slab<Asked<E>, 2>,
    pub(crate) lines: Slab<Line<E::Key>, 1>,
    places: HashMap<E::Key, Place, RandomState>,
    users: HashMap<Who<E>, User, RandomState>,
    by_priority: [List; LEVELS],
    last_number: u64,
}

impl<E: Execute> Pending<E> {
    pub(crate) fn new(pending_max: usize) -> Self {
        let capacity = pending_max.min(CAPACITY_MAX);
        Self {
            requests: Slab::with_capacity(capacity),
            lines: Slab::with_capacity(0),
            places: HashMap::default(),
            users: HashMap::with_capacity_and_hasher(capacity, RandomState::default()),
            by_priority: Default::default(),
            last_number: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_priority.iter().map(List::len).sum()
    }

    pub(crate) fn keys(&self) -> usize {
        self.places.len()
    }

    /// Returns the line of `key`. Creates it if there is none.
    pub(crate) fn line_of(&mut self, key: &E::Key) -> Place {
        if let Some(&line) = self.places.get(key) {
            return line;
        }
        let line = self.lines.insert(Line {
            key: key.clone(),
            ready: Default::default(),
            pending: 0,
            calls: 0,
            calls_to_board: 0,
            turn: None,
        });
        self.places.insert(key.clone(), line);
        line
    }

    /// Adds a request of a user who has fewer than `per_user_max` pending. Returns it otherwise.
    pub(crate) fn add(
        &mut self,
        mut asked: Asked<E>,
        per_user_max: usize,
    ) -> Result<(Place, u64), Asked<E>> {
        let (line, _) = asked.who;
        asked.is_parked = match self.users.get_mut(&asked.who) {
            Some(user) if user.pending >= per_user_max => return Err(asked),
            Some(user) => {
                user.pending += 1;
                true
            }
            None => {
                let user = User {
                    pending: 1,
                    ..User::default()
                };
                self.users.insert(asked.who.clone(), user);
                false
            }
        };
        self.last_number += 1;
        asked.number = self.last_number;
        let level = asked.priority.level();
        let place = self.requests.insert(asked);
        if let Some(list) = self.by_priority.get_mut(level) {
            self.requests.push_back(list, BY_PRIORITY, place);
        }
        if let Some(line) = self.lines.get_mut(line) {
            line.pending += 1;
        }
        self.link(place);
        Ok((place, self.last_number))
    }

    /// The newest request of the lowest priority, if that is lower than `priority`.
    pub(crate) fn less_important(&self, priority: Priority) -> Option<Place> {
        let lower = self.by_priority.iter().skip(priority.level() + 1);
        lower.rev().find_map(List::last)
    }

    /// True if the request with this `number` is still pending at `place`.
    pub(crate) fn is_at(&self, place: Place, number: u64) -> bool {
        let asked = self.requests.get(place);
        asked.is_some_and(|asked| asked.number == number)
    }

    /// Removes a request. If it was ready, the next request of its user becomes ready. If the user
    /// has no other, the user's entry is returned to the caller, which drops it after it has
    /// released the lock.
    pub(crate) fn remove(&mut self, place: Place) -> Option<(Asked<E>, Option<Who<E>>)> {
        let asked = self.take(place)?;
        let user = if asked.is_parked {
            None
        } else {
            self.release(&asked.who)
        };
        Some((asked, user))
    }

    /// Returns the next ready request of a line.
    pub(crate) fn first(&self, line: Place) -> Option<(Place, &Asked<E>)> {
        let line = self.lines.get(line)?;
        let place = line.ready.iter().find_map(List::first)?;
        Some((place, self.requests.get(place)?))
    }

    /// Takes the next ready request of a line. The others of its user stay parked until `release`.
    pub(crate) fn pop(&mut self, line: Place) -> Option<Asked<E>> {
        let (place, _) = self.first(line)?;
        self.take(place)
    }

    /// Makes the user's next request ready after the previous one was answered or removed. If there
    /// is none, the user's entry is returned to the caller, which drops it after it has released
    /// the lock.
    pub(crate) fn release(&mut self, who: &Who<E>) -> Option<Who<E>> {
        let user = self.users.get_mut(who)?;
        let Some(next) = user.parked.first() else {
            return self.users.remove_entry(who).map(|(who, _)| who);
        };
        self.requests.unlink(&mut user.parked, IN_LINE, next);
        if let Some(asked) = self.requests.get_mut(next) {
            asked.is_parked = false;
        }
        self.link(next);
        None
    }

    /// Removes a line that has neither requests nor calls. The caller drops it after it has
    /// released the lock.
    pub(crate) fn remove_line(&mut self, line: Place) -> Option<(E::Key, Line<E::Key>)> {
        let line = self.lines.remove(line)?;
        let (key, _) = self.places.remove_entry(&line.key)?;
        Some((key, line))
    }

    /// Appends a request to its line if it is ready, or behind its user's first request if it is
    /// parked.
    fn link(&mut self, place: Place) {
        let Some(asked) = self.requests.get(place) else {
            return;
        };
        let list = if asked.is_parked {
            let user = self.users.get_mut(&asked.who);
            user.map(|user| &mut user.parked)
        } else {
            let line = self.lines.get_mut(asked.who.0);
            line.and_then(|line| line.ready.get_mut(asked.priority.level()))
        };
        if let Some(list) = list {
            self.requests.push_back(list, IN_LINE, place);
        }
    }

    /// Removes a request from the slab and from all lists.
    fn take(&mut self, place: Place) -> Option<Asked<E>> {
        let asked = self.requests.get(place)?;
        let (level, is_parked) = (asked.priority.level(), asked.is_parked);
        let line = self.lines.get_mut(asked.who.0)?;
        let user = self.users.get_mut(&asked.who)?;
        line.pending -= 1;
        user.pending -= 1;
        let list = if is_parked {
            &mut user.parked
        } else {
            line.ready.get_mut(level)?
        };
        self.requests.unlink(list, IN_LINE, place);
        let list = self.by_priority.get_mut(level)?;
        self.requests.unlink(list, BY_PRIORITY, place);
        self.requests.remove(place)
    }
}
