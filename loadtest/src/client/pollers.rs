//! Users who wait and poll as told: each on a schedule of their own, over few connections.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::{
    runtime::Builder,
    sync::watch,
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::{sleep_until, timeout},
};

use super::{
    Requests,
    connection::Connection,
    polled::{Next, Polled, UNTOLD},
};
use crate::watch::now;

/// How long a client waits for an answer before it gives up the connection.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Users who poll until they are admitted, or gone, or these are stopped.
#[derive(Debug)]
pub(crate) struct Pollers {
    polled: Arc<Mutex<Polled>>,
    /// The threads end once this is gone.
    stop: watch::Sender<()>,
    threads: Vec<JoinHandle<Result<()>>>,
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

/// The users of one thread.
struct Part {
    address: SocketAddr,
    /// The request of each user.
    requests: Arc<Requests>,
    /// When each user polls, the earliest first.
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
        lock(&self.polled).sent_late(late);
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
