//! Sends requests over many connections at once, on a few threads.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use tokio::{
    runtime::Builder,
    sync::Barrier,
    task::{JoinSet, spawn_blocking},
    time::{sleep_until, timeout},
};

use super::{Answer, Feed, Tally, connection::Connection};
use crate::{figures::exact, watch};

/// How much later than the end of a slice its last answers may arrive.
const GRACE: Duration = Duration::from_secs(30);

/// The longest time for a feed that ends by itself.
const LONGEST: Duration = Duration::from_mins(20);

/// A request that is sent later than this after it was due counts as late. Timers have a resolution
/// of milliseconds.
const TIMER_ERROR: Duration = Duration::from_millis(10);

/// Returns whether an answer is the intended one. `number` is the number of the request in its
/// feed.
pub(crate) type Judge = Arc<dyn Fn(usize, Answer<'_>) -> bool + Send + Sync>;

/// A load on one server.
#[derive(Clone)]
pub(crate) struct Load {
    /// The address of the server.
    pub(crate) address: SocketAddr,
    /// The number of connections. Each has one request in flight at a time.
    pub(crate) connections: usize,
    /// The number of threads. Each has its own part of the connections.
    pub(crate) threads: usize,
    /// The requests.
    pub(crate) feed: Arc<Feed>,
    /// Decides whether an answer is the intended one.
    pub(crate) judge: Judge,
}

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// On each connection as soon as its last request is answered.
    Full,
    /// At this rate per second over all connections, independent of the latency of the answers.
    PerSecond(f64),
}

impl Load {
    /// Sends requests until the feed ends or `lasts` is over. With None, until the feed ends.
    pub(crate) async fn run(&self, pace: Pace, lasts: Option<Duration>) -> Result<Tally> {
        let threads = self.threads.clamp(1, self.connections.max(1));
        let start = Arc::new(Barrier::new(threads));
        let mut running = Vec::new();
        for thread in 0..threads {
            let numbers = (thread..self.connections).step_by(threads).collect();
            let part = Part {
                load: self.clone(),
                numbers,
                pace,
                lasts,
                start: Arc::clone(&start),
            };
            running.push(spawn_blocking(move || part.run()));
        }
        let mut total = Tally::new()?;
        for part in running {
            total.merge_beside(&part.await??);
        }
        Ok(total)
    }
}

/// The connections of one thread.
struct Part {
    load: Load,
    /// The numbers of this thread's connections among all.
    numbers: Vec<usize>,
    pace: Pace,
    lasts: Option<Duration>,
    start: Arc<Barrier>,
}

impl Part {
    fn run(self) -> Result<Tally> {
        let limit = self.lasts.map_or(LONGEST, |lasts| lasts + GRACE);
        Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(async {
                timeout(limit, self.converse())
                    .await
                    .context("a response did not arrive in time")?
            })
    }

    async fn converse(self) -> Result<Tally> {
        let mut connections = Vec::new();
        for &number in &self.numbers {
            // A failure is returned only after the barrier: the other threads must not wait there
            // for this one.
            connections.push((number, Connection::to(self.load.address).await));
        }
        self.start.wait().await;
        let began = watch::now();
        let tally = Arc::new(Mutex::new(Tally::new()?));
        let mut talking = JoinSet::new();
        for (number, connection) in connections {
            let talk = Talk {
                connection: connection?,
                feed: Arc::clone(&self.load.feed),
                judge: Arc::clone(&self.load.judge),
                tally: Arc::clone(&tally),
                began,
                ends: self.lasts.map(|lasts| began + lasts),
                timetable: self.timetable(number),
            };
            talking.spawn(talk.run());
        }
        while let Some(ended) = talking.join_next().await {
            ended??;
        }
        let lasted = began.elapsed();
        let mut tally = Arc::into_inner(tally)
            .ok_or_else(|| anyhow!("a connection is still in use"))?
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        tally.lasted = lasted;
        Ok(tally)
    }

    fn timetable(&self, number: usize) -> Option<Timetable> {
        let Pace::PerSecond(rate) = self.pace else {
            return None;
        };
        let between = Duration::from_secs_f64(1.0 / rate);
        Some(Timetable {
            first: between.mul_f64(exact(number as u64)),
            every: between.mul_f64(exact(self.load.connections as u64)),
        })
    }
}

/// The send times of one connection.
#[derive(Debug, Clone, Copy)]
struct Timetable {
    /// Counted from the start.
    first: Duration,
    every: Duration,
}

/// A connection that sends requests.
struct Talk {
    connection: Connection,
    feed: Arc<Feed>,
    judge: Judge,
    tally: Arc<Mutex<Tally>>,
    began: Instant,
    ends: Option<Instant>,
    timetable: Option<Timetable>,
}

impl Talk {
    async fn run(mut self) -> Result<()> {
        let mut due = self.timetable.map(|table| self.began + table.first);
        loop {
            let mut late = false;
            if let (Some(at), Some(table)) = (due, self.timetable) {
                sleep_until(at.into()).await;
                late = at.elapsed() > TIMER_ERROR;
                due = Some(at + table.every);
            }
            let sent = watch::now();
            if self.ends.is_some_and(|ends| sent >= ends) {
                return Ok(());
            }
            let Some((number, request)) = self.feed.next() else {
                return Ok(());
            };
            let answer = self.connection.exchange(request).await?;
            let took = sent.elapsed();
            let meant = (self.judge)(number, answer);
            let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.late += u64::from(late);
            if meant {
                tally.intended(took);
            } else {
                tally.unintended(took, || describe(answer));
            }
        }
    }
}

/// Formats the status and the beginning of the body.
pub(super) fn describe(answer: Answer<'_>) -> String {
    const SHOWN: usize = 300;
    let text = String::from_utf8_lossy(answer.body);
    let beginning: String = text.chars().take(SHOWN).collect();
    format!("{} {beginning}", answer.status)
}
