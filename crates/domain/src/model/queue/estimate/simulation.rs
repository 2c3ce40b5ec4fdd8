//! A simulated line, for tests of the estimate: it records every admission, departure and answer.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use jiff::Timestamp;
use uuid::Uuid;

use super::{Hazards, LineTick, ShownPosition, WaitEstimate};
use crate::model::{
    ConcertId, UserId,
    queue::{
        AdmissionWindow, Arrival, EffectiveState, Generation, PolicyState, PollRange, QueueView,
        SaleState, Throughput, Ticket,
    },
};

pub(super) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millisecond(i64::try_from(millis).unwrap()).unwrap()
}

pub(super) fn open() -> QueueView {
    QueueView {
        state: PolicyState::Open,
        opens_at: None,
        recovering: false,
        sale: SaleState::OnSale,
    }
}

/// An answer to a user: its instant, the position, and the estimate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    /// Its instant, in milliseconds.
    pub(super) at: u64,
    pub(super) arrival: i64,
    pub(super) position: u64,
    pub(super) wait: Option<Duration>,
    /// Number of users admitted before.
    pub(super) admitted: u64,
    /// True if the position was the true one, and not from a snapshot.
    is_fresh: bool,
}

/// A line with its policy, and one instance that ticks it and answers the waiting users.
pub(super) struct Simulation {
    /// The time, in milliseconds.
    pub(super) now: u64,
    throughput: Option<Throughput>,
    /// The maximum number of active places, and the life of each, in milliseconds.
    capacity: Option<(usize, u64)>,
    /// The share of the users at each depth that leaves per second.
    pub(super) leaving: [f64; Hazards::DEPTHS],
    /// The time for which answers are made from one snapshot, in milliseconds. They show admissions
    /// at once, but not departures ahead.
    snapshots: u64,
    owed: [f64; Hazards::DEPTHS],
    line: Vec<i64>,
    window: Option<AdmissionWindow>,
    active_until: BinaryHeap<Reverse<u64>>,
    admitted: u64,
    departed: u64,
    next_arrival: i64,
    next_tick: u64,
    polls: BinaryHeap<Reverse<(u64, i64)>>,
    /// The ordinal of each user, and when it was refreshed.
    ordinals: BTreeMap<i64, (u64, u64)>,
    estimate: WaitEstimate,
    pub(super) answers: Vec<Answer>,
    /// When each user was admitted, in milliseconds.
    pub(super) admitted_at: BTreeMap<i64, u64>,
}

impl Simulation {
    pub(super) fn new(
        throughput: Option<Throughput>,
        capacity: Option<(usize, u64)>,
        snapshots: u64,
    ) -> Self {
        Self {
            now: 0,
            throughput,
            capacity,
            leaving: [0.0; Hazards::DEPTHS],
            snapshots,
            owed: [0.0; Hazards::DEPTHS],
            line: Vec::new(),
            window: None,
            active_until: BinaryHeap::new(),
            admitted: 0,
            departed: 0,
            next_arrival: 1,
            next_tick: 0,
            polls: BinaryHeap::new(),
            ordinals: BTreeMap::new(),
            estimate: WaitEstimate::default(),
            answers: Vec::new(),
            admitted_at: BTreeMap::new(),
        }
    }

    /// Returns the length of a window in milliseconds. One second without a throughput.
    pub(super) fn interval(&self) -> u64 {
        self.throughput.map_or(1_000, |throughput| {
            u64::try_from(throughput.interval.as_millis()).unwrap()
        })
    }

    fn pace(&self) -> u64 {
        (self.interval() / 3).min(1_000)
    }

    /// Returns the end of the running window, in milliseconds. Ticks are aligned to it.
    fn window_end(&self) -> u64 {
        let window = self.throughput.and(self.window);
        window.map_or(u64::MAX, |window| {
            let end = window.at(at(self.now)).end().as_millisecond();
            end.try_into().unwrap()
        })
    }

    /// Lets `users` users join. They become active at once while there is room, the others wait.
    pub(super) fn join(&mut self, users: u64) {
        for _ in 0..users {
            let arrival = self
                .next_arrival
                .max(i64::try_from(self.now * 1_000).unwrap());
            self.next_arrival = arrival + 1;
            if self.line.is_empty() && self.room() > 0 {
                self.admit_one();
                continue;
            }
            self.line.push(arrival);
            self.poll(arrival);
        }
    }

    /// Lets the `users` users behind the first `ahead` of the line leave.
    pub(super) fn leave(&mut self, ahead: usize, users: usize) {
        let to = (ahead + users).min(self.line.len());
        let left = self.line.drain(ahead.min(to)..to).count();
        self.departed += u64::try_from(left).unwrap();
    }

    /// Lets every second user leave.
    pub(super) fn thin_out(&mut self) {
        let before = self.line.len();
        let mut stays = false;
        self.line.retain(|_| {
            stays = !stays;
            stays
        });
        self.departed += u64::try_from(before - self.line.len()).unwrap();
    }

    pub(super) fn waiting(&self) -> usize {
        self.line.len()
    }

    pub(super) fn admitted(&self) -> u64 {
        self.admitted
    }

    /// Returns the estimate that the user at `position` would get now.
    pub(super) fn wait(&self, position: u64) -> Option<Duration> {
        let shown = ShownPosition {
            as_of: at(self.now),
            position,
            admitted: self.admitted,
        };
        self.estimate.wait(&shown, &open())
    }

    /// Advances the time to `until`, in milliseconds.
    pub(super) fn run(&mut self, until: u64) {
        loop {
            let poll = self.polls.peek().map_or(u64::MAX, |&Reverse((due, _))| due);
            let next = poll.min(self.next_tick);
            if next > until {
                self.now = self.now.max(until);
                return;
            }
            self.now = next;
            if poll < self.next_tick {
                let Reverse((_, arrival)) = self.polls.pop().unwrap();
                self.poll(arrival);
            } else {
                self.tick();
                self.next_tick = (self.now + self.pace()).min(self.window_end());
            }
        }
    }

    /// Advances the time until no user waits.
    pub(super) fn run_out(&mut self) {
        while !self.line.is_empty() {
            self.run(self.now + self.interval());
        }
    }

    fn tick(&mut self) {
        self.depart();
        let waits = !self.line.is_empty();
        let users = if waits {
            self.room().min(self.line.len())
        } else {
            0
        };
        for arrival in self.line.drain(..users).collect::<Vec<_>>() {
            self.admitted_at.insert(arrival, self.now);
            self.admit_one();
            self.admitted += 1;
            self.departed += 1;
        }
        self.estimate.note(&LineTick {
            as_of: at(self.now),
            state: EffectiveState::Open,
            waiting: u64::try_from(self.line.len()).unwrap(),
            aside: 0,
            admitted: self.admitted,
            departed: self.departed,
            more: false,
            has_capacity: self.capacity.is_some(),
            throughput: self.throughput,
            window: self
                .throughput
                .and(self.window)
                .map(|window| window.at(at(self.now))),
        });
    }

    fn room(&mut self) -> usize {
        let now = at(self.now);
        let in_window = self.throughput.map_or(usize::MAX, |throughput| {
            let window = self
                .window
                .unwrap_or_else(|| AdmissionWindow::first(now, throughput));
            let window = *self.window.insert(window.at(now));
            usize::try_from(window.room(throughput)).unwrap()
        });
        while self
            .active_until
            .peek()
            .is_some_and(|&Reverse(end)| end <= self.now)
        {
            self.active_until.pop();
        }
        let under_capacity = self.capacity.map_or(usize::MAX, |(max_active, _)| {
            max_active.saturating_sub(self.active_until.len())
        });
        in_window.min(under_capacity)
    }

    fn admit_one(&mut self) {
        if let Some(window) = self.window.as_mut() {
            window.admitted += 1;
        }
        if let Some((_, active)) = self.capacity {
            self.active_until.push(Reverse(self.now + active));
        }
    }

    /// Lets the users leave who are due by `leaving`, evenly spread over each depth.
    fn depart(&mut self) {
        if self.leaving.iter().all(|&share| share <= 0.0) {
            return;
        }
        let seconds = Duration::from_millis(self.pace()).as_secs_f64();
        let mut leave = vec![false; self.line.len()];
        for (position, leaves) in (1_u64..).zip(&mut leave) {
            let depth = Hazards::depth(position);
            self.owed[depth] += self.leaving[depth] * seconds;
            if self.owed[depth] >= 1.0 {
                self.owed[depth] -= 1.0;
                *leaves = true;
            }
        }
        let mut leaves = leave.iter();
        let before = self.line.len();
        self.line.retain(|_| !leaves.next().unwrap());
        self.departed += u64::try_from(before - self.line.len()).unwrap();
    }

    /// Answers a user who is still in the line, and schedules the next poll.
    fn poll(&mut self, arrival: i64) {
        let Ok(ahead) = self.line.binary_search(&arrival) else {
            return;
        };
        let ordinal = u64::try_from(ahead).unwrap() + 1 + self.admitted;
        let shown = self.ordinals.entry(arrival).or_insert((ordinal, self.now));
        if self.now - shown.1 >= self.snapshots {
            *shown = (ordinal, self.now);
        }
        let shown = ShownPosition {
            as_of: at(self.now),
            position: shown.0 - self.admitted,
            admitted: self.admitted,
        };
        let wait = self.estimate.wait(&shown, &open());
        let pause = PollRange::default().pause(&ticket(arrival), shown.position, wait);
        let arrived = Arrival::from_micros(arrival);
        self.estimate.sample(arrived, &shown, pause);
        self.answers.push(Answer {
            at: self.now,
            arrival,
            position: shown.position,
            wait,
            admitted: self.admitted,
            is_fresh: shown.position + shown.admitted == ordinal,
        });
        let pause = u64::try_from(pause.as_millis()).unwrap();
        self.polls.push(Reverse((self.now + pause, arrival)));
    }

    /// Returns the first estimate since `from` that differs from the true wait of an admitted user
    /// by more than a window and a fifth of the true wait. An estimate is as good as its position,
    /// so only answers with the true position count.
    pub(super) fn first_wrong_estimate(&self, from: u64) -> Option<String> {
        let judged = self
            .answers
            .iter()
            .filter(|answer| answer.at >= from && answer.is_fresh);
        judged.into_iter().find_map(|answer| {
            let admitted_at = *self.admitted_at.get(&answer.arrival)?;
            let truth = Duration::from_millis(admitted_at - answer.at);
            let off = answer.wait.unwrap_or(Duration::MAX).abs_diff(truth);
            // A tick may be this late.
            let window = Duration::from_millis(self.interval().max(1_000));
            (off > window + truth / 5).then(|| {
                let Answer {
                    at, position, wait, ..
                } = answer;
                format!(
                    "at {at} ms, position {position}: estimated {wait:?}, but it took {truth:?}"
                )
            })
        })
    }
}

fn ticket(arrival: i64) -> Ticket {
    Ticket {
        concert: ConcertId(Uuid::nil()),
        user: UserId::try_from("alice").unwrap(),
        arrival: Arrival::from_micros(arrival),
        generation: Generation(1),
    }
}
