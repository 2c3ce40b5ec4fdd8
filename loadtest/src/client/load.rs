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

use super::{Answer, Tally, Workload, connection::Connection};
use crate::{figures::exact, watch};

/// The time after the end of a slice within which its last answers must arrive.
const GRACE: Duration = Duration::from_secs(30);

/// The longest time for a workload that ends by itself.
const LOAD_MAX: Duration = Duration::from_mins(20);

/// A request that is sent more than this after its due time counts as late. Timers have a
/// resolution of milliseconds.
const TIMER_ERROR: Duration = Duration::from_millis(10);

/// Returns whether an answer is the intended one. The first argument is the number of the request
/// in its workload.
pub(crate) type AnswerCheck = Arc<dyn Fn(usize, Answer<'_>) -> bool + Send + Sync>;

/// A load on one server.
#[derive(Clone)]
pub(crate) struct Load {
    /// The address of the server.
    pub(crate) address: SocketAddr,
    /// The number of connections. Each has one request in flight at a time.
    pub(crate) connections: usize,
    /// The number of threads. Each has its own part of the connections.
    pub(crate) threads: usize,
    /// The requests that are sent.
    pub(crate) workload: Arc<Workload>,
    /// Decides whether an answer is the intended one.
    pub(crate) check: AnswerCheck,
}

/// The times at which requests are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// On each connection as soon as its last request is answered.
    Full,
    /// At this rate per second over all connections, independent of the latency of the answers.
    PerSecond(f64),
}

impl Load {
    /// Sends requests until the workload ends or `duration` is over. With None, until the workload
    /// ends.
    pub(crate) async fn run(&self, pace: Pace, duration: Option<Duration>) -> Result<Tally> {
        let threads = self.threads.clamp(1, self.connections.max(1));
        let start = Arc::new(Barrier::new(threads));
        let mut running = Vec::new();
        for thread in 0..threads {
            let numbers = (thread..self.connections).step_by(threads).collect();
            let client = ClientThread {
                load: self.clone(),
                numbers,
                pace,
                duration,
                start: Arc::clone(&start),
            };
            running.push(spawn_blocking(move || client.run()));
        }
        let mut total = Tally::new()?;
        for thread in running {
            total.merge_beside(&thread.await??);
        }
        Ok(total)
    }
}

/// The connections of one client thread.
struct ClientThread {
    load: Load,
    /// The numbers of this thread's connections among all.
    numbers: Vec<usize>,
    pace: Pace,
    duration: Option<Duration>,
    start: Arc<Barrier>,
}

impl ClientThread {
    fn run(self) -> Result<Tally> {
        let limit = self.duration.map_or(LOAD_MAX, |duration| duration + GRACE);
        Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(async {
                timeout(limit, self.send_all())
                    .await
                    .context("a response did not arrive in time")?
            })
    }

    async fn send_all(self) -> Result<Tally> {
        let mut connections = Vec::new();
        for &number in &self.numbers {
            // A failure is returned only after the barrier: the other threads must not wait there
            // for this one.
            connections.push((number, Connection::to(self.load.address).await));
        }
        self.start.wait().await;
        let began = watch::now();
        let tally = Arc::new(Mutex::new(Tally::new()?));
        let mut tasks = JoinSet::new();
        for (number, connection) in connections {
            let task = ConnectionTask {
                connection: connection?,
                workload: Arc::clone(&self.load.workload),
                check: Arc::clone(&self.load.check),
                tally: Arc::clone(&tally),
                began,
                ends: self.duration.map(|duration| began + duration),
                timetable: self.timetable(number),
            };
            tasks.spawn(task.run());
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        let duration = began.elapsed();
        let mut tally = Arc::into_inner(tally)
            .ok_or_else(|| anyhow!("a connection is still in use"))?
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        tally.duration = duration;
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
    /// The first one, counted from the start.
    first: Duration,
    /// The time between two.
    every: Duration,
}

/// One connection, with the requests that it sends.
struct ConnectionTask {
    connection: Connection,
    workload: Arc<Workload>,
    check: AnswerCheck,
    tally: Arc<Mutex<Tally>>,
    began: Instant,
    ends: Option<Instant>,
    timetable: Option<Timetable>,
}

impl ConnectionTask {
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
            let Some((number, request)) = self.workload.next() else {
                return Ok(());
            };
            let answer = self.connection.exchange(request).await?;
            let took = sent.elapsed();
            let is_intended = (self.check)(number, answer);
            let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.late += u64::from(late);
            if is_intended {
                tally.intended(took);
            } else {
                tally.unintended(took, || describe(answer));
            }
        }
    }
}

/// Formats the status and the first characters of the body.
pub(super) fn describe(answer: Answer<'_>) -> String {
    const SHOWN: usize = 300;
    let text = String::from_utf8_lossy(answer.body);
    let beginning: String = text.chars().take(SHOWN).collect();
    format!("{} {beginning}", answer.status)
}
