//! The decision which request is served next. The pending requests, the calls in flight and the
//! limit are under one lock.
//!
//! Each function takes well below 1 µs: work on many requests is done a [`CHUNK`] at a time, and no
//! task is woken and no value dropped here. Removed values are returned to the caller, which drops
//! them after it has released the lock.

use tokio::runtime;

use crate::{
    Execute, Limits, Overload, ShedCounts, Stats,
    batch::Caller,
    limiter::{Limiter, Observation},
    pending::{Line, Owner, Pending, Submission},
    priority::LEVELS,
    slab::{Index, List},
    steps::{Board, Boarded, Boarding, Finished, Idle, Removed, Start, Submitted},
};

/// The most requests that are handled while the lock is held.
pub(crate) const CHUNK: usize = 8;

/// The links of a line in a list of lines that want a call.
const TURNS: usize = 0;

/// The state of a batcher.
pub(crate) struct State<E: Execute> {
    limits: Limits,
    pending: Pending<E>,
    /// The lines that want a call, by the priority of their first request. Each priority has two
    /// lists: lines without a call, then lines that want a further one.
    turns: [List; LEVELS * 2],
    limiter: Limiter,
    /// True if the limit has held requests back since it changed.
    limited: bool,
    in_flight: usize,
    calls: usize,
    is_closed: bool,
    shed: ShedCounts,
}

impl<E: Execute> State<E> {
    pub(crate) fn new(limits: Limits) -> Self {
        let limits = limits.at_least_one();
        Self {
            pending: Pending::new(limits.pending_max),
            turns: Default::default(),
            limiter: Limiter::new(&limits.in_flight, limits.batch_max),
            limited: false,
            in_flight: 0,
            calls: 0,
            is_closed: false,
            shed: ShedCounts::default(),
            limits,
        }
    }

    /// Adds a request, or returns it with the reason for its refusal.
    pub(crate) fn submit(
        &mut self,
        key: &E::Key,
        mut submission: Submission<E>,
    ) -> Result<Submitted<E>, (Overload, Submission<E>)> {
        if self.is_closed {
            return Err((self.count(Overload::Closed), submission));
        }
        let mut victim = None;
        if self.pending.len() >= self.limits.pending_max {
            victim = self.pending.less_important(submission.priority);
            if victim.is_none() {
                return Err((self.count(Overload::Total), submission));
            }
        }
        let line = self.pending.line_of(key);
        submission.owner.0 = line;
        let per_user_max = self.limits.pending_per_user_max;
        let (index, number) = match self.pending.add(submission, per_user_max) {
            Ok(added) => added,
            // The line is not new: it has requests of this user.
            Err(submission) => return Err((self.count(Overload::PerUser), submission)),
        };
        let displaced = victim.and_then(|victim| self.remove(victim, Some(Overload::Shed)));
        // The line has a request, so it is not idle and nothing is returned.
        let _ = self.settle(line);
        Ok(Submitted {
            index,
            number,
            start: self.next_call(),
            displaced,
        })
    }

    /// Removes a request if it is still pending. Counts it as refused if there is a `reason`.
    pub(crate) fn withdraw(
        &mut self,
        index: Index,
        number: u64,
        reason: Option<Overload>,
    ) -> Option<Removed<E>> {
        if !self.pending.is_at(index, number) {
            return None;
        }
        self.remove(index, reason)
    }

    /// Returns the next call that may begin: that of the highest priority, and within a priority
    /// that of the key whose turn it is.
    pub(crate) fn next_call(&mut self) -> Option<Start<E>> {
        if self.calls >= self.limits.calls_max {
            return None;
        }
        let available = self.available();
        for slot in 0..self.turns.len() {
            let Some(line) = self.turns.get(slot).and_then(List::first) else {
                continue;
            };
            let is_further = slot % 2 == 1;
            let needed = if is_further { self.limits.batch_max } else { 1 };
            if available >= needed {
                return self.begin(line, available);
            }
            self.limited = true;
        }
        None
    }

    /// Moves at most a chunk of ready requests into a call.
    pub(crate) fn board(&mut self, call: &mut Boarding<'_, E>) -> Board {
        let mut is_over = false;
        for _ in 0..CHUNK {
            if call.size >= self.limits.batch_max {
                is_over = true;
                break;
            }
            let Some((_, first)) = self.pending.first(call.line) else {
                is_over = true;
                break;
            };
            let is_late = first.has_waited(call.now, self.limits.queue_timeout);
            if !is_late && *call.granted == 0 && self.available() == 0 {
                self.limited = true;
                is_over = true;
                break;
            }
            let Some(submission) = self.pending.pop(call.line) else {
                break;
            };
            let mut user = None;
            if is_late {
                self.count(Overload::TimedOut);
                user = self.pending.release(&submission.owner);
            } else {
                call.size += 1;
                if *call.granted > 0 {
                    *call.granted -= 1;
                } else {
                    self.in_flight += 1;
                }
            }
            call.out.push(Boarded {
                submission,
                is_late,
                user,
            });
        }
        if is_over {
            self.in_flight -= std::mem::take(call.granted);
            if !std::mem::replace(call.has_boarded, true) {
                self.count_boarded(call.line);
            }
        }
        let _ = self.settle(call.line);
        if is_over {
            let more = self.may_begin();
            Board::Over { more }
        } else {
            Board::GoesOn
        }
    }

    /// Makes the next request of each of these users ready, for a chunk of callers at most. Entries
    /// of users without a further request go to `out`, which must have capacity for them.
    pub(crate) fn release(&mut self, line: Index, callers: &[Caller<E>], out: &mut Vec<Owner<E>>) {
        for caller in callers {
            out.extend(self.pending.release(&caller.owner));
        }
        let _ = self.settle(line);
    }

    /// Ends a call. The caller drops the returned values and those in `out`.
    pub(crate) fn finish(&mut self, call: &Finished<'_, E>, out: &mut Vec<Owner<E>>) -> Idle<E> {
        self.in_flight -= call.size + call.granted;
        self.calls -= 1;
        if !call.has_boarded {
            self.count_boarded(call.line);
        }
        if let Some(line) = self.pending.lines.get_mut(call.line) {
            line.calls -= 1;
        }
        for caller in call.callers {
            out.extend(self.pending.release(&caller.owner));
        }
        if let Some(observation) = call.observation {
            let limited = self.limited;
            if self.limiter.observe(Observation {
                limited,
                ..observation
            }) {
                self.limited = false;
            }
        }
        self.settle(call.line)
    }

    /// Removes the next request of a line if its call would run on this runtime, which has ended.
    pub(crate) fn refuse_of(&mut self, line: Index, runtime: runtime::Id) -> Option<Removed<E>> {
        let (index, first) = self.pending.first(line)?;
        if first.runtime.id() != runtime {
            return None;
        }
        self.remove(index, Some(Overload::Closed))
    }

    /// Refuses all requests from now on.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            pending: self.pending.len(),
            in_flight: self.in_flight,
            in_flight_limit: self.limiter.limit(),
            calls: self.calls,
            keys: self.pending.keys(),
            shed: self.shed,
        }
    }

    /// Returns the number of requests that may be added to calls now.
    fn available(&self) -> usize {
        self.limiter.limit().saturating_sub(self.in_flight)
    }

    fn begin(&mut self, line: Index, available: usize) -> Option<Start<E>> {
        let first = self.pending.pop(line)?;
        let entry = self.pending.lines.get_mut(line)?;
        let left = left(entry, self.limits.batch_max);
        let granted = left.min(self.limits.batch_max - 1).min(available - 1);
        entry.calls += 1;
        entry.calls_to_board += 1;
        let key = entry.key.clone();
        // If the line wants a further call, `settle` appends it behind the others.
        if let Some(list) = entry.turn.take().and_then(|slot| self.turns.get_mut(slot)) {
            self.pending.lines.unlink(list, TURNS, line);
        }
        self.calls += 1;
        self.in_flight += 1 + granted;
        let _ = self.settle(line);
        let more = self.may_begin();
        Some(Start {
            line,
            key,
            first,
            granted,
            more,
        })
    }

    fn remove(&mut self, index: Index, reason: Option<Overload>) -> Option<Removed<E>> {
        let (submission, user) = self.pending.remove(index)?;
        if let Some(reason) = reason {
            self.count(reason);
        }
        let line = self.settle(submission.owner.0);
        Some(Removed {
            submission,
            user,
            line,
        })
    }

    /// Returns false if `next_call` would return None.
    fn may_begin(&self) -> bool {
        self.calls < self.limits.calls_max
            && self.available() > 0
            && self.turns.iter().any(|turn| turn.len() > 0)
    }

    fn count_boarded(&mut self, line: Index) {
        if let Some(line) = self.pending.lines.get_mut(line) {
            line.calls_to_board -= 1;
        }
    }

    /// Updates the list that a line is in after any change of it. Removes and returns a line that
    /// is idle.
    fn settle(&mut self, index: Index) -> Idle<E> {
        let line = self.pending.lines.get(index)?;
        let (is_idle, listed, wanted) = (line.is_idle(), line.turn, self.turn(line));
        if listed != wanted {
            if let Some(list) = listed.and_then(|slot| self.turns.get_mut(slot)) {
                self.pending.lines.unlink(list, TURNS, index);
            }
            if let Some(list) = wanted.and_then(|slot| self.turns.get_mut(slot)) {
                self.pending.lines.push_back(list, TURNS, index);
            }
            self.pending.lines.get_mut(index)?.turn = wanted;
        }
        if is_idle {
            return self.pending.remove_line(index);
        }
        None
    }

    /// Returns the list to which a line belongs. None if it wants no call. It wants a further call
    /// only for a full batch: its requests would wait for longer than the call in flight takes.
    fn turn(&self, line: &Line<E::Key>) -> Option<usize> {
        let level = line.first_level()?;
        if line.calls == 0 {
            return Some(level * 2);
        }
        let batch_max = self.limits.batch_max;
        let is_further =
            line.calls < self.limits.calls_per_key_max && left(line, batch_max) >= batch_max;
        is_further.then_some(level * 2 + 1)
    }

    /// Counts a refused request. Returns `reason`.
    pub(crate) fn count(&mut self, reason: Overload) -> Overload {
        let count = match reason {
            Overload::Total => &mut self.shed.total,
            Overload::PerUser => &mut self.shed.per_user,
            Overload::TimedOut => &mut self.shed.timed_out,
            Overload::Shed => &mut self.shed.displaced,
            Overload::Closed => &mut self.shed.closed,
        };
        *count += 1;
        reason
    }
}

/// Returns the number of ready requests that remain if the calls that have begun fill their
/// batches.
fn left<K>(line: &Line<K>, batch_max: usize) -> usize {
    let taken = line.calls_to_board * (batch_max - 1);
    line.ready().saturating_sub(taken)
}
