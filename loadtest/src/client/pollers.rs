//! Users who wait and poll as told: each on a schedule of their own, over few connections.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::{
    runtime::Builder,
    sync::watch,
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::{sleep_until, timeout},
};

use super::{Answer, Requests, connection::Connection, load::describe};
use crate::watch::now;

/// How long a client waits for an answer before it gives up the connection.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// After which time a client asks again that was not told when.
const UNTOLD: Duration = Duration::from_secs(1);

/// The longest lateness that is told apart, in ms.
const LATEST_MS: u64 = 600_000;

/// Users who poll until they are admitted, or gone, or these are stopped.
#[derive(Debug)]
pub(crate) struct Pollers {
    polled: Arc<Mutex<Polled>>,
    /// The threads end once this is gone.
    stop: watch::Sender<()>,
    threads: Vec<JoinHandle<Result<()>>>,
}

/// What the polls of some time came to.
#[derive(Debug, Clone)]
pub(crate) struct Polled {
    /// Answers with a place that waits.
    pub(crate) waiting: u64,
    /// Answers with a place that is active.
    pub(crate) admitted: u64,
    /// Answers that ask for patience: 429 or 503.
    pub(crate) refused: u64,
    /// Answers that the place is gone.
    pub(crate) gone: u64,
    /// Polls without an answer.
    pub(crate) unanswered: u64,
    /// Other answers, which no client should see.
    pub(crate) other: u64,
    /// The first of those.
    pub(crate) first_other: Option<String>,
    /// How much later than due polls were sent, in ms.
    late_ms: Histogram<u64>,
}

/// The part of a place that decides when its user polls again.
#[derive(Deserialize)]
struct Told<'a> {
    state: &'a str,
    poll_after_ms: Option<u64>,
}

/// What becomes of a user after a poll.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Again(Duration),
    Done,
}

impl Pollers {
    /// Has the users of these requests poll, one request each. Their first polls are spread evenly
    /// over `spread`; the later ones come when the answers say.
    pub(crate) fn start(
        address: SocketAddr,
        connections: usize,
        users: Vec<Requests>,
        spread: Duration,
    ) -> Result<Self> {
        let polled = Arc::new(Mutex::new(Polled::new()?));
        let (stop, stopped) = watch::channel(());
        let began = now();
        let each = (connections / users.len().max(1)).max(1);
        let threads = users.into_iter().map(|requests| {
            let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
            let first = |user: u32| began + spread.mul_f64(f64::from(user) / f64::from(count));
            let part = Part {
                address,
                due: (0..count)
                    .map(|user| Reverse((first(user), user)))
                    .collect(),
                requests: Arc::new(requests),
                idle: (0..each).map(|_| None).collect(),
                polled: Arc::clone(&polled),
                stopped: stopped.clone(),
            };
            spawn_blocking(move || part.run())
        });
        Ok(Self {
            threads: threads.collect(),
            polled,
            stop,
        })
    }

    /// What was polled since this was last asked.
    pub(crate) fn take(&self) -> Result<Polled> {
        Ok(std::mem::replace(&mut *lock(&self.polled), Polled::new()?))
    }

    /// Ends all polling.
    pub(crate) async fn stop(self) -> Result<()> {
        drop(self.stop);
        for thread in self.threads {
            thread.await??;
        }
        Ok(())
    }
}

fn lock(polled: &Mutex<Polled>) -> MutexGuard<'_, Polled> {
    polled.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Polled {
    fn new() -> Result<Self> {
        Ok(Self {
            waiting: 0,
            admitted: 0,
            refused: 0,
            gone: 0,
            unanswered: 0,
            other: 0,
            first_other: None,
            late_ms: Histogram::new_with_max(LATEST_MS, 3).context("no such histogram")?,
        })
    }

    /// How many there were.
    pub(crate) fn polls(&self) -> u64 {
        self.waiting + self.admitted + self.refused + self.gone + self.unanswered + self.other
    }

    /// How much later than due this part of the polls, such as 0.99, was sent at most.
    pub(crate) fn late(&self, part: f64) -> Duration {
        Duration::from_millis(self.late_ms.value_at_quantile(part))
    }

    /// Counts an answer. Gives when its user asks again.
    fn count(&mut self, answer: Answer<'_>) -> Next {
        let told = || serde_json::from_slice::<Told<'_>>(answer.body).ok();
        let again = Next::Again(answer.retry_after_s.map_or(UNTOLD, Duration::from_secs));
        match (answer.status, told()) {
            (
                200,
                Some(Told {
                    state: "active", ..
                }),
            ) => {
                self.admitted += 1;
                Next::Done
            }
            (
                200,
                Some(Told {
                    state: "waiting",
                    poll_after_ms: Some(after),
                }),
            ) => {
                self.waiting += 1;
                Next::Again(Duration::from_millis(after))
            }
            (429 | 503, _) => {
                self.refused += 1;
                again
            }
            (410, _) => {
                self.gone += 1;
                Next::Done
            }
            _ => {
                self.other += 1;
                self.first_other.get_or_insert_with(|| describe(answer));
                again
            }
        }
    }
}

/// The users of one thread.
struct Part {
    address: SocketAddr,
    /// The request of each user.
    requests: Arc<Requests>,
    /// Who polls when, the earliest first.
    due: BinaryHeap<Reverse<(Instant, u32)>>,
    /// Connections without a request under way; those that are not open yet are none.
    idle: Vec<Option<Connection>>,
    polled: Arc<Mutex<Polled>>,
    stopped: watch::Receiver<()>,
}

impl Part {
    fn run(self) -> Result<()> {
        Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(self.poll())
    }

    async fn poll(mut self) -> Result<()> {
        let mut under_way = JoinSet::new();
        loop {
            while let Some((user, connection)) = self.next_poll() {
                let (address, requests) = (self.address, Arc::clone(&self.requests));
                let polled = Arc::clone(&self.polled);
                under_way.spawn(async move {
                    let request = requests.get(user as usize).unwrap_or_default();
                    let asked = ask(connection, address, request, &polled);
                    if let Ok(Ok((connection, next))) = timeout(ANSWER_MAX, asked).await {
                        (user, Some(connection), next)
                    } else {
                        lock(&polled).unanswered += 1;
                        (user, None, Next::Again(UNTOLD))
                    }
                });
            }
            // Without an idle connection nobody can poll before an answer comes.
            let first = self.due.peek().filter(|_| !self.idle.is_empty());
            let wake_at = first.map(|Reverse((at, _))| *at);
            tokio::select! {
                _ = self.stopped.changed() => return Ok(()),
                Some(done) = under_way.join_next() => {
                    let (user, connection, next) = done?;
                    self.idle.push(connection);
                    if let Next::Again(after) = next {
                        self.due.push(Reverse((now() + after, user)));
                    }
                }
                () = sleep_until(wake_at.unwrap_or_else(now).into()), if wake_at.is_some() => {}
            }
        }
    }

    /// The next user whose poll is due, and a connection for it. None where there is no such user or
    /// no idle connection.
    fn next_poll(&mut self) -> Option<(u32, Option<Connection>)> {
        let Reverse((at, user)) = *self.due.peek()?;
        let late = now().checked_duration_since(at)?;
        let connection = self.idle.pop()?;
        self.due.pop();
        let late = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        lock(&self.polled).late_ms.saturating_record(late);
        Some((user, connection))
    }
}

/// Polls once. A connection that the server has closed since its last use is replaced.
async fn ask(
    connection: Option<Connection>,
    address: SocketAddr,
    request: &[u8],
    polled: &Mutex<Polled>,
) -> Result<(Connection, Next)> {
    if let Some(mut connection) = connection
        && let Ok(answer) = connection.exchange(request).await
    {
        let next = lock(polled).count(answer);
        return Ok((connection, next));
    }
    let mut connection = Connection::to(address).await?;
    let answer = connection.exchange(request).await?;
    let next = lock(polled).count(answer);
    Ok((connection, next))
}

#[cfg(test)]
mod tests {
    use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
    use frontrow_test_harness::eventually;

    use super::*;
    use crate::client::Request;

    const SOON: Duration = Duration::from_secs(20);

    fn answer(status: u16, retry_after_s: Option<u64>, body: &str) -> Answer<'_> {
        Answer {
            status,
            retry_after_s,
            body: body.as_bytes(),
        }
    }

    #[test]
    fn a_client_asks_again_when_it_was_told_to() {
        let waiting = r#"{"state":"waiting","poll_after_ms":1500,"position":3}"#;
        let active = r#"{"state":"active","poll_after_ms":null}"#;
        let millis = |millis| Next::Again(Duration::from_millis(millis));
        let mut polled = Polled::new().unwrap();
        for (answer, next) in [
            (answer(200, None, waiting), millis(1_500)),
            (answer(200, None, active), Next::Done),
            (answer(503, Some(7), ""), millis(7_000)),
            (answer(429, None, ""), millis(1_000)),
            (answer(410, None, ""), Next::Done),
            (answer(500, None, "oops"), millis(1_000)),
        ] {
            assert_eq!(polled.count(answer), next, "{answer:?}");
        }
        assert_eq!((polled.waiting, polled.admitted, polled.refused), (1, 1, 2));
        assert_eq!((polled.gone, polled.other, polled.polls()), (1, 1, 6));
        assert_eq!(polled.first_other.as_deref(), Some("500 oops"));
    }

    /// Has each user wait once, on a connection that is closed then, and admits them afterwards.
    async fn place(asked: HttpRequest, polls: web::Data<Mutex<Vec<String>>>) -> HttpResponse {
        let mut polls = polls.lock().unwrap();
        let token = asked.headers().get("Queue-Token").unwrap();
        let user = token.to_str().unwrap().to_owned();
        let has_polled = polls.contains(&user);
        polls.push(user);
        if has_polled {
            HttpResponse::Ok().body(r#"{"state":"active","poll_after_ms":null}"#)
        } else {
            let waiting = r#"{"state":"waiting","poll_after_ms":1}"#;
            HttpResponse::Ok().force_close().body(waiting)
        }
    }

    #[actix_web::test]
    async fn everybody_polls_until_admitted_over_fewer_connections() {
        let polls = web::Data::new(Mutex::new(Vec::<String>::new()));
        let served = polls.clone();
        let server = HttpServer::new(move || {
            let app = App::new().app_data(served.clone());
            app.route("/place", web::get().to(place))
        });
        let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        let running = actix_web::rt::spawn(server.run());
        let of = |users: &[&str]| {
            let users = users.iter();
            users
                .map(|user| Request::get("/place").queue_token(user))
                .collect::<Requests>()
        };
        let users = vec![of(&["a", "b", "c"]), of(&["d", "e"])];
        let pollers = Pollers::start(address, 2, users, Duration::ZERO).unwrap();
        let mut admitted = 0;
        eventually("all are admitted", SOON, async || {
            admitted += pollers.take()?.admitted;
            Ok((admitted == 5).then_some(()))
        })
        .await
        .unwrap();
        pollers.stop().await.unwrap();
        let mut polls = polls.lock().unwrap().clone();
        polls.sort_unstable();
        assert_eq!(polls.concat(), "aabbccddee");
        running.abort();
    }
}
