//! Event streams of places (server-sent events).
//!
//! One ticker, [`Streams::run`], reads a snapshot of each line twice a second and finds the places
//! that have changed. It puts the change into the [`Slot`] of the stream and wakes the stream,
//! which writes it on the thread of its connection. So the load on the store and on the timers does
//! not grow with the number of streams.

mod body;
mod line;
mod slot;
mod wire;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use frontrow_domain::{
    model::{
        ConcertId,
        queue::{EventId, PlaceState},
        spread,
    },
    read_models::PlaceReport,
    use_cases::FollowPlaces,
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use self::{
    line::LineStreams,
    slot::{End, Slot},
    wire::{Frame, event_of},
};

pub(crate) use self::body::EventBody;

/// The time between two turns. It is a little longer than the lifetime of a snapshot, so each turn
/// gets a new one.
const TURN: Duration = Duration::from_millis(510);

/// The number of turns after which a stream ends whose client does not read: 10 s.
const SLOW_TURNS: u32 = 20;

/// The maximum number of streams of a place on one instance: some tabs and a phone.
const STREAMS_PER_PLACE: usize = 3;

/// The delay after which a client reconnects when its connection breaks, in milliseconds: the
/// shortest, and the largest addition.
const RECONNECT_MS: (u64, u64) = (1_000, 2_000);

/// The open streams of this instance.
pub(crate) struct Streams {
    follow: FollowPlaces,
    max: usize,
    longest_poll: Duration,
    lines: Mutex<HashMap<ConcertId, Arc<LineStreams>>>,
    open: Arc<AtomicUsize>,
    turn: AtomicU32,
    numbers: AtomicU64,
    is_stopping: AtomicBool,
}

/// A permit for one stream. Dropping it returns it.
pub(crate) struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Streams {
    /// Allows `max` streams at a time. Clients whose streams this instance ends reconnect within
    /// `longest_poll`.
    pub(crate) fn new(follow: FollowPlaces, max: usize, longest_poll: Duration) -> Self {
        Self {
            follow,
            max,
            longest_poll,
            lines: Mutex::default(),
            open: Arc::default(),
            turn: AtomicU32::new(0),
            numbers: AtomicU64::new(0),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// Returns a permit for one more stream. None if the maximum is reached or the program stops.
    pub(crate) fn permit(&self) -> Option<Permit> {
        if self.is_stopping.load(Ordering::Acquire) {
            return None;
        }
        let one_more = |open: usize| (open < self.max).then_some(open + 1);
        let ordering = Ordering::Relaxed;
        let granted = self.open.fetch_update(ordering, ordering, one_more);
        granted.ok().map(|_| Permit(Arc::clone(&self.open)))
    }

    /// Opens a stream of the place of `report`, for a client whose last event was `last`.
    pub(crate) fn open(
        self: &Arc<Self>,
        permit: Permit,
        report: PlaceReport,
        last: Option<EventId>,
    ) -> EventBody {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (id, body) = event_of(&report);
        let (from, more) = RECONNECT_MS;
        let frame = Frame::default().retry(from + spread(number, more));
        let (last_event, frame) = match last {
            Some(last) if !last.is_outdated_by(&id) => (last, frame.comment()),
            _ => (id, frame.place(&id, &body)),
        };
        let turn = self.turn.load(Ordering::Relaxed);
        let slot = Arc::new(Slot::new(number, id.state, turn));
        let line = self.line(report.place.ticket.concert);
        let key = line.add(&report, Arc::clone(&slot));
        if self.is_stopping.load(Ordering::Acquire) {
            slot.end(End::Stop);
        }
        EventBody {
            streams: Arc::clone(self),
            line,
            key,
            slot,
            token: report.token,
            last_event,
            first: Some(frame.into_bytes()),
            has_ended: false,
            number,
            _permit: permit,
        }
    }

    /// Takes turns until `stop` is cancelled. Queues do not wait for each other.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(TURN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut turns = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(taken) = turns.join_next(), if !turns.is_empty() => {
                    if let Err(error) = taken {
                        tracing::error!(%error,
                            "a task that updates event streams failed; the next turn retries");
                    }
                }
                _ = ticks.tick() => {
                    let turn = self.turn.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
                    for line in self.used_lines() {
                        if line.may_take_turn() {
                            let streams = Arc::clone(&self);
                            turns.spawn_local(async move {
                                line.take_turn(&streams.follow, turn).await;
                            });
                        }
                    }
                }
            }
        }
    }

    /// Ends all streams, and refuses new ones.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        for line in self.lock().values() {
            line.end_all(End::Stop);
        }
    }

    /// Returns the delay after which a client reconnects when its stream was ended, in
    /// milliseconds: from one second to the longest poll, spread over the clients.
    fn reconnect_after_ms(&self, number: u64) -> u64 {
        let longest = u64::try_from(self.longest_poll.as_millis()).unwrap_or(u64::MAX);
        let shortest = RECONNECT_MS.0;
        shortest + spread(number, longest.saturating_sub(shortest).max(shortest))
    }

    fn line(&self, concert: ConcertId) -> Arc<LineStreams> {
        let mut lines = self.lock();
        let line = lines
            .entry(concert)
            .or_insert_with(|| Arc::new(LineStreams::new(concert)));
        Arc::clone(line)
    }

    /// Returns the queues with streams. Removes the others: each stream has a reference to its
    /// queue.
    fn used_lines(&self) -> Vec<Arc<LineStreams>> {
        let mut lines = self.lock();
        lines.retain(|concert, line| {
            let is_used = Arc::strong_count(line) > 1;
            if !is_used {
                self.follow.stop(*concert);
            }
            is_used
        });
        lines.values().map(Arc::clone).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConcertId, Arc<LineStreams>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the state of the place of `report`.
fn state_of(report: &PlaceReport) -> PlaceState {
    PlaceState::of(&report.place, report.as_of)
}

#[cfg(test)]
mod tests;
