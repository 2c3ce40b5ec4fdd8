//! Waiting users who poll when the answers say. Each user has a schedule of their own. All users
//! share a few connections, and each poll goes to a random instance.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Result;
use fastrand::Rng;
use tokio::{
    runtime::Builder,
    sync::watch,
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::{sleep_until, timeout},
};

use super::{
    Requests,
    connection::Connection,
    poll_tally::{DEFAULT_PAUSE, Next, PollTally},
};
use crate::watch::now;

/// The longest time that a client waits for an answer. Then it gives up the connection.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Users who poll until they are admitted or gone, or until [`Self::stop`].
#[derive(Debug)]
pub(crate) struct Pollers {
    tally: Arc<Mutex<PollTally>>,
    /// The threads end when this is dropped.
    stop: watch::Sender<()>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Pollers {
    /// Starts the polls of these users, who have one request each. There are `connections`
    /// connections to each of the `instances`, and each poll goes to a random instance. The first
    /// polls are spread evenly over `spread`. Later polls are sent when the answers say.
    pub(crate) fn start(
        instances: &[SocketAddr],
        connections: usize,
        users: Vec<Requests>,
        spread: Duration,
    ) -> Result<Self> {
        let tally = Arc::new(Mutex::new(PollTally::new()?));
        let (stop, stopped) = watch::channel(());
        let began = now();
        let each = (connections / users.len().max(1)).max(1);
        let threads = (0_u64..).zip(users).map(|(thread, requests)| {
            let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
            let first = |user: u32| began + spread.mul_f64(f64::from(user) / f64::from(count));
            let poller = PollerThread {
                instances: instances.into(),
                random: Rng::with_seed(thread),
                due: (0..count)
                    .map(|user| Reverse((first(user), user)))
                    .collect(),
                requests: Arc::new(requests),
                idle: (0..each).map(|_| Lane::to(instances.len())).collect(),
                tally: Arc::clone(&tally),
                stopped: stopped.clone(),
            };
            spawn_blocking(move || poller.run())
        });
        Ok(Self {
            threads: threads.collect(),
            tally,
            stop,
        })
    }

    /// Returns the tally of the polls since the last call.
    pub(crate) fn take(&self) -> Result<PollTally> {
        Ok(std::mem::replace(
            &mut *lock(&self.tally),
            PollTally::new()?,
        ))
    }

    /// Ends all polls.
    pub(crate) async fn stop(self) -> Result<()> {
        drop(self.stop);
        for thread in self.threads {
            thread.await??;
        }
        Ok(())
    }
}

fn lock(tally: &Mutex<PollTally>) -> MutexGuard<'_, PollTally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The users whose polls one thread sends.
struct PollerThread {
    instances: Arc<[SocketAddr]>,
    /// Chooses the instance of each poll. The same seed in each run.
    random: Rng,
    /// The request of each user.
    requests: Arc<Requests>,
    /// The time of each user's next poll, the earliest first.
    due: BinaryHeap<Reverse<(Instant, u32)>>,
    /// Lanes without a request in flight.
    idle: Vec<Lane>,
    tally: Arc<Mutex<PollTally>>,
    stopped: watch::Receiver<()>,
}

/// One connection to each instance, of which only one has a request in flight. None where the
/// connection is not open yet.
struct Lane(Vec<Option<Connection>>);

impl Lane {
    fn to(instances: usize) -> Self {
        Self((0..instances).map(|_| None).collect())
    }

    fn take(&mut self, instance: usize) -> Option<Connection> {
        self.0.get_mut(instance)?.take()
    }

    fn put(&mut self, instance: usize, connection: Connection) {
        if let Some(free) = self.0.get_mut(instance) {
            *free = Some(connection);
        }
    }
}

impl PollerThread {
    fn run(self) -> Result<()> {
        Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(self.poll())
    }

    async fn poll(mut self) -> Result<()> {
        let mut in_flight = JoinSet::new();
        loop {
            while let Some((user, mut lane)) = self.next_poll() {
                let instance = self.random.usize(..self.instances.len());
                let Some(&address) = self.instances.get(instance) else {
                    break;
                };
                let requests = Arc::clone(&self.requests);
                let tally = Arc::clone(&self.tally);
                in_flight.spawn(async move {
                    let request = requests.get(user as usize).unwrap_or_default();
                    let poll = poll_once(lane.take(instance), address, request, &tally);
                    if let Ok(Ok((connection, next))) = timeout(ANSWER_MAX, poll).await {
                        lane.put(instance, connection);
                        (user, lane, next)
                    } else {
                        lock(&tally).unanswered += 1;
                        (user, lane, Next::Again(DEFAULT_PAUSE))
                    }
                });
            }
            // Without an idle lane, the next poll must wait for an answer.
            let first = self.due.peek().filter(|_| !self.idle.is_empty());
            let wake_at = first.map(|Reverse((at, _))| *at);
            tokio::select! {
                _ = self.stopped.changed() => return Ok(()),
                Some(done) = in_flight.join_next() => {
                    let (user, lane, next) = done?;
                    self.idle.push(lane);
                    if let Next::Again(after) = next {
                        self.due.push(Reverse((now() + after, user)));
                    }
                }
                () = sleep_until(wake_at.unwrap_or_else(now).into()), if wake_at.is_some() => {}
            }
        }
    }

    /// Takes the next user whose poll is due, and an idle lane. None if either is
    /// missing.
    fn next_poll(&mut self) -> Option<(u32, Lane)> {
        let Reverse((at, user)) = *self.due.peek()?;
        let late = now().checked_duration_since(at)?;
        let lane = self.idle.pop()?;
        self.due.pop();
        lock(&self.tally).sent_late(late);
        Some((user, lane))
    }
}

/// Sends one poll and counts its answer. Replaces a connection that the server has closed.
async fn poll_once(
    connection: Option<Connection>,
    address: SocketAddr,
    request: &[u8],
    tally: &Mutex<PollTally>,
) -> Result<(Connection, Next)> {
    if let Some(mut connection) = connection
        && let Ok(answer) = connection.exchange(request).await
    {
        let next = lock(tally).count(answer);
        return Ok((connection, next));
    }
    let mut connection = Connection::to(address).await?;
    let answer = connection.exchange(request).await?;
    let next = lock(tally).count(answer);
    Ok((connection, next))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
    use frontrow_test_harness::eventually;

    use super::*;
    use crate::client::Request;

    const TIMEOUT: Duration = Duration::from_secs(20);

    type Polls = web::Data<Mutex<Vec<String>>>;

    /// Lets each user wait once, closes that connection, and admits the user at the next poll.
    async fn place(
        request: HttpRequest,
        polls: Polls,
        answered_here: web::Data<AtomicU32>,
    ) -> HttpResponse {
        answered_here.fetch_add(1, Ordering::Relaxed);
        let mut polls = polls.lock().unwrap();
        let token = request.headers().get("Queue-Token").unwrap();
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

    /// Starts an instance that counts the polls that it answers.
    fn instance(polls: &Polls) -> (SocketAddr, web::Data<AtomicU32>) {
        let answered_here = web::Data::new(AtomicU32::new(0));
        let (polls, counted) = (polls.clone(), answered_here.clone());
        let server = HttpServer::new(move || {
            let app = App::new().app_data(polls.clone());
            let app = app.app_data(counted.clone());
            app.route("/place", web::get().to(place))
        });
        let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        // The server ends with the test's runtime.
        actix_web::rt::spawn(server.run());
        (address, answered_here)
    }

    #[actix_web::test]
    async fn every_user_polls_until_admitted_over_fewer_connections_at_all_instances() {
        let polls = Polls::new(Mutex::default());
        let instances = [instance(&polls), instance(&polls)];
        let tokens: Vec<_> = (10..50).map(|user| user.to_string()).collect();
        let of = |tokens: &[String]| {
            let tokens = tokens.iter();
            tokens
                .map(|token| Request::get("/place").queue_token(token))
                .collect::<Requests>()
        };
        let users = vec![of(&tokens[..25]), of(&tokens[25..])];
        let addresses = instances.each_ref().map(|(address, _)| *address);
        let pollers = Pollers::start(&addresses, 2, users, Duration::ZERO).unwrap();
        let mut admitted = 0;
        eventually("all are admitted", TIMEOUT, async || {
            admitted += pollers.take()?.admitted;
            Ok((admitted == 40).then_some(()))
        })
        .await
        .unwrap();
        pollers.stop().await.unwrap();
        let mut polls = polls.lock().unwrap().clone();
        polls.sort_unstable();
        let twice: Vec<_> = tokens.iter().flat_map(|token| [token, token]).collect();
        assert!(polls.iter().eq(twice), "{polls:?}");
        for (_, answered_here) in &instances {
            let answered = answered_here.load(Ordering::Relaxed);
            assert!((20..=60).contains(&answered), "{answered} of 80");
        }
    }
}
