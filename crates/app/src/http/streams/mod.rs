//! Event streams of places.
//!
//! One ticker, [`Streams::run`], looks at each line twice a second and finds out whose place has
//! changed. It leaves that in the stream's [`Slot`] and wakes the stream, which writes
//! it on the thread of its connection. So neither the store nor the timers notice how many listen.

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
    use_cases::{FollowPlaces, PlaceReport},
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use self::{
    line::LineStreams,
    slot::{End, Slot},
    wire::{Frame, told},
};

pub(crate) use self::body::EventBody;

/// The time between two turns: a little more than a snapshot of a line lasts, so each turn sees a
/// new one.
const TURN: Duration = Duration::from_millis(510);

/// After how many turns a stream ends whose client does not take what is there for it: 10 s.
const SLOW_TURNS: u32 = 20;

/// How many streams a place has at most on one instance: some tabs and a phone.
const STREAMS_PER_PLACE: usize = 3;

/// After how long a client reconnects whose connection broke, in milliseconds: from, and how much
/// more at most.
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

/// The right to one stream, given back when it is dropped.
pub(crate) struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Streams {
    /// At most `max` at a time. Clients whose streams the program ends come back within
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

    /// The right to one more stream. None where there are as many as may be, or the program stops.
    pub(crate) fn permit(&self) -> Option<Permit> {
        if self.is_stopping.load(Ordering::Acquire) {
            return None;
        }
        let one_more = |open: usize| (open < self.max).then_some(open + 1);
        let ordering = Ordering::Relaxed;
        let granted = self.open.fetch_update(ordering, ordering, one_more);
        granted.ok().map(|_| Permit(Arc::clone(&self.open)))
    }

    /// A stream of the place of `report`, for a client that knows `last`.
    pub(crate) fn open(
        self: &Arc<Self>,
        permit: Permit,
        report: PlaceReport,
        last: Option<EventId>,
    ) -> EventBody {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (id, body) = told(&report);
        let (from, more) = RECONNECT_MS;
        let frame = Frame::default().retry(from + spread(number, more));
        let (told, frame) = match last {
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
            told,
            first: Some(frame.into_bytes()),
            has_ended: false,
            number,
            _permit: permit,
        }
    }

    /// Takes turns until `stop` is cancelled. One queue waits for no other.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(TURN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut turns = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(taken) = turns.join_next(), if !turns.is_empty() => {
                    if let Err(error) = taken {
                        tracing::error!(%error, "a turn of event streams failed");
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

    /// Ends all streams, and opens no more.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        for line in self.lock().values() {
            line.end_all(End::Stop);
        }
    }

    /// After how long a client comes back whose stream was ended: from one second to the longest
    /// poll, not the same for all.
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

    /// The queues that have streams. Forgets the others: each stream has its queue's.
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

/// The state of the place of `report`.
fn state_of(report: &PlaceReport) -> PlaceState {
    PlaceState::of(&report.place, report.as_of)
}

#[cfg(test)]
mod tests;
