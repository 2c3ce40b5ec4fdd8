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
    slab::{Index, List, Slab},
};

/// The result of a request for its caller.
pub(crate) type Answer<E> = Result<<E as Execute>::Response, SubmitError<<E as Execute>::Error>>;

/// A user at a key.
pub(crate) type Owner<E> = (Index, <E as Execute>::User);

/// The links of a request in its line while it is ready, or behind its user's first request while
/// it is parked.
const IN_LINE: usize = 0;

/// The links of a request among all of its priority, in the order in which they arrived.
const BY_PRIORITY: usize = 1;

/// The most values for which memory is allocated in advance.
const CAPACITY_MAX: usize = 1 << 16;

/// A request and its caller.
pub(crate) struct Submission<E: Execute> {
    pub(crate) owner: Owner<E>,
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

impl<E: Execute> Submission<E> {
    pub(crate) fn refuse(self, reason: Overload) {
        // The caller may have dropped its receiver.
        let _ = self.reply.send(Err(SubmitError::Overloaded(reason)));
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
    /// The index of the list of lines that want a call in which this line is. None if it wants no
    /// call.
    pub(crate) turn: Option<usize>,
}

impl<K> Line<K> {
    pub(crate) fn ready(&self) -> usize {
        self.ready.iter().map(List::len).sum()
    }

    /// Returns the highest priority of a ready request.
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
    requests: Slab<Submission<E>, 2>,
    pub(crate) lines: Slab<Line<E::Key>, 1>,
    lines_by_key: HashMap<E::Key, Index, RandomState>,
    users: HashMap<Owner<E>, User, RandomState>,
    by_priority: [List; LEVELS],
    last_number: u64,
}

impl<E: Execute> Pending<E> {
    pub(crate) fn new(pending_max: usize) -> Self {
        let capacity = pending_max.min(CAPACITY_MAX);
        Self {
            requests: Slab::with_capacity(capacity),
            lines: Slab::with_capacity(0),
            lines_by_key: HashMap::default(),
            users: HashMap::with_capacity_and_hasher(capacity, RandomState::default()),
            by_priority: Default::default(),
            last_number: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_priority.iter().map(List::len).sum()
    }

    pub(crate) fn keys(&self) -> usize {
        self.lines_by_key.len()
    }

    /// Returns the line of `key`. Creates it if there is none.
    pub(crate) fn line_of(&mut self, key: &E::Key) -> Index {
        if let Some(&line) = self.lines_by_key.get(key) {
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
        self.lines_by_key.insert(key.clone(), line);
        line
    }

    /// Adds a request if its user has fewer than `per_user_max` pending. Otherwise returns it.
    pub(crate) fn add(
        &mut self,
        mut submission: Submission<E>,
        per_user_max: usize,
    ) -> Result<(Index, u64), Submission<E>> {
        let (line, _) = submission.owner;
        submission.is_parked = match self.users.get_mut(&submission.owner) {
            Some(user) if user.pending >= per_user_max => return Err(submission),
            Some(user) => {
                user.pending += 1;
                true
            }
            None => {
                let user = User {
                    pending: 1,
                    ..User::default()
                };
                self.users.insert(submission.owner.clone(), user);
                false
            }
        };
        self.last_number += 1;
        submission.number = self.last_number;
        let level = submission.priority.level();
        let index = self.requests.insert(submission);
        if let Some(list) = self.by_priority.get_mut(level) {
            self.requests.push_back(list, BY_PRIORITY, index);
        }
        if let Some(line) = self.lines.get_mut(line) {
            line.pending += 1;
        }
        self.link(index);
        Ok((index, self.last_number))
    }

    /// Returns the newest request of the lowest priority. None if this is not lower than
    /// `priority`.
    pub(crate) fn less_important(&self, priority: Priority) -> Option<Index> {
        let lower = self.by_priority.iter().skip(priority.level() + 1);
        lower.rev().find_map(List::last)
    }

    /// True if the request with this `number` is still pending at `index`.
    pub(crate) fn is_at(&self, index: Index, number: u64) -> bool {
        let submission = self.requests.get(index);
        submission.is_some_and(|submission| submission.number == number)
    }

    /// Removes a request. If it was ready, the next request of its user becomes ready. If the user
    /// has no other, the user's entry is returned to the caller, which drops it after it has
    /// released the lock.
    pub(crate) fn remove(&mut self, index: Index) -> Option<(Submission<E>, Option<Owner<E>>)> {
        let submission = self.take(index)?;
        let user = if submission.is_parked {
            None
        } else {
            self.release(&submission.owner)
        };
        Some((submission, user))
    }

    /// Returns the next ready request of a line.
    pub(crate) fn first(&self, line: Index) -> Option<(Index, &Submission<E>)> {
        let line = self.lines.get(line)?;
        let index = line.ready.iter().find_map(List::first)?;
        Some((index, self.requests.get(index)?))
    }

    /// Takes the next ready request of a line. The others of its user stay parked until `release`.
    pub(crate) fn pop(&mut self, line: Index) -> Option<Submission<E>> {
        let (index, _) = self.first(line)?;
        self.take(index)
    }

    /// Makes the user's next request ready after the previous one was answered or removed. If there
    /// is none, the user's entry is returned to the caller, which drops it after it has released
    /// the lock.
    pub(crate) fn release(&mut self, owner: &Owner<E>) -> Option<Owner<E>> {
        let user = self.users.get_mut(owner)?;
        let Some(next) = user.parked.first() else {
            return self.users.remove_entry(owner).map(|(owner, _)| owner);
        };
        self.requests.unlink(&mut user.parked, IN_LINE, next);
        if let Some(submission) = self.requests.get_mut(next) {
            submission.is_parked = false;
        }
        self.link(next);
        None
    }

    /// Removes a line that has neither requests nor calls. The caller drops it after it has
    /// released the lock.
    pub(crate) fn remove_line(&mut self, line: Index) -> Option<(E::Key, Line<E::Key>)> {
        let line = self.lines.remove(line)?;
        let (key, _) = self.lines_by_key.remove_entry(&line.key)?;
        Some((key, line))
    }

    /// Appends a request to its line if it is ready, or behind its user's first request if it is
    /// parked.
    fn link(&mut self, index: Index) {
        let Some(submission) = self.requests.get(index) else {
            return;
        };
        let list = if submission.is_parked {
            let user = self.users.get_mut(&submission.owner);
            user.map(|user| &mut user.parked)
        } else {
            let line = self.lines.get_mut(submission.owner.0);
            line.and_then(|line| line.ready.get_mut(submission.priority.level()))
        };
        if let Some(list) = list {
            self.requests.push_back(list, IN_LINE, index);
        }
    }

    /// Removes a request from the slab and from all lists.
    fn take(&mut self, index: Index) -> Option<Submission<E>> {
        let submission = self.requests.get(index)?;
        let (level, is_parked) = (submission.priority.level(), submission.is_parked);
        let line = self.lines.get_mut(submission.owner.0)?;
        let user = self.users.get_mut(&submission.owner)?;
        line.pending -= 1;
        user.pending -= 1;
        let list = if is_parked {
            &mut user.parked
        } else {
            line.ready.get_mut(level)?
        };
        self.requests.unlink(list, IN_LINE, index);
        let list = self.by_priority.get_mut(level)?;
        self.requests.unlink(list, BY_PRIORITY, index);
        self.requests.remove(index)
    }
}
