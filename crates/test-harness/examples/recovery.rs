//! Measures how long the program takes to accept writes again after its database is back.
//!
//! ```sh
//! cargo build --release
//! cargo run -p frontrow-test-harness --example recovery -- target/release/frontrow
//! ```
//!
//! Starts the program with its default settings and a durable database server, both on the
//! loopback interface. A few clients charge points all the time. The database fails several times
//! in each way, and the example prints the medians. A client whose request is refused repeats it
//! after 50 ms. A request that was under way when the database failed may wait as long as the
//! program waits for a lost answer (`database.statement_timeout_ms`). A new client does not.

use std::{
    env,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use frontrow_test_harness::{
    App, AppConfig, Client, Fault, FaultProxy, MySqlServer, Request, eventually,
};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

const CLIENTS: usize = 8;
const ROUNDS: usize = 7;
/// The time without a fault before each failure.
const QUIET: Duration = Duration::from_secs(1);
/// Time limit of a recovery.
const RECOVERY_MAX: Duration = Duration::from_mins(1);
/// The pause of a client between two requests.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// A failure of the database.
#[derive(Debug, Clone, Copy)]
enum Failure {
    /// The server ends in good order.
    Stopped,
    Killed,
    /// The server ends in good order, and starts at once.
    Restarted,
    /// The server stands still for this number of seconds.
    Paused(u64),
    /// The server runs, but the network refuses connections to it for this number of seconds.
    CutOff(u64),
    /// The server gets all requests, but its answers are lost for this number of seconds.
    AnswersLost(u64),
}

const FAILURES: [Failure; 8] = [
    Failure::Stopped,
    Failure::Killed,
    Failure::Restarted,
    Failure::Paused(2),
    Failure::Paused(8),
    Failure::CutOff(2),
    Failure::AnswersLost(2),
    Failure::AnswersLost(8),
];

/// A program, its database, and clients that write.
struct Bench {
    first_writes: FirstWrites,
    newcomers: u64,
    _clients: JoinSet<()>,
    app: App,
    network: FaultProxy,
    server: MySqlServer,
}

/// The durations of one recovery, from the return of the database on.
struct Recovery {
    /// To the write of a client that starts at the return.
    newcomer: Duration,
    /// To the first write of any client that was there before.
    first: Duration,
    /// To the time when each of these clients has written.
    all: Duration,
}

/// The instant of each client's first write since the last [`FirstWrites::forget`]. The last entry
/// is the newcomer's.
#[derive(Clone, Default)]
struct FirstWrites(Arc<Mutex<[Option<Instant>; CLIENTS + 1]>>);

impl FirstWrites {
    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Default::default();
    }

    fn record(&self, client: usize) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = all.get_mut(client) {
            at.get_or_insert_with(now);
        }
    }

    /// Returns the recovery since `back`. None until all clients have written.
    fn since(&self, back: Instant) -> Option<Recovery> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let took: Option<Vec<_>> = all
            .iter()
            .map(|at| at.map(|at| at.duration_since(back)))
            .collect();
        let took = took?;
        let (newcomer, clients) = took.split_last()?;
        Some(Recovery {
            newcomer: *newcomer,
            first: *clients.iter().min()?,
            all: *clients.iter().max()?,
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let binary = env::args_os().nth(1).map(PathBuf::from);
    let binary = binary.context("name the program, such as target/release/frontrow")?;
    let mut bench = Bench::start(&binary.canonicalize()?).await?;
    println!(
        "{}; {CLIENTS} clients; writes after the database is back, medians of {ROUNDS}",
        bench.server.version()
    );
    println!(
        "{:<14} {:>15} {:>15} {:>15}",
        "failure", "a newcomer's", "the first's", "the last's"
    );
    for failure in FAILURES {
        let mut recoveries = Vec::new();
        for _ in 0..ROUNDS {
            recoveries.push(bench.recovery(failure).await?);
        }
        let median = |of: fn(&Recovery) -> Duration| {
            let mut all: Vec<_> = recoveries.iter().map(of).collect();
            all.sort_unstable();
            all.get(ROUNDS / 2).copied().unwrap_or_default().as_millis()
        };
        let newcomer = median(|one| one.newcomer);
        let (first, all) = (median(|one| one.first), median(|one| one.all));
        let failure = format!("{failure:?}");
        println!("{failure:<14} {newcomer:>12} ms {first:>12} ms {all:>12} ms");
    }
    bench.app.process().ensure_running()
}

impl Bench {
    async fn start(binary: &std::path::Path) -> Result<Self> {
        let server = MySqlServer::start_durable().await?;
        server.create_database("frontrow").await?;
        let network = FaultProxy::start(server.address())?;
        let url = format!("mysql://root@{}/frontrow", network.address());
        let config = AppConfig::default()
            .env("FRONTROW_DATABASE__URL", url)
            .env("FRONTROW_DATABASE__OLDER_SCHEMA", "migrate");
        let app = App::start(binary, config).await?;
        let first_writes = FirstWrites::default();
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = app.client().user(&format!("user-{number}"));
            let first_writes = first_writes.clone();
            clients.spawn(async move {
                for turn in 0_u64.. {
                    write(&client, turn).await;
                    first_writes.record(number);
                    sleep(RETRY_AFTER).await;
                }
            });
        }
        Ok(Self {
            first_writes,
            newcomers: 0,
            _clients: clients,
            app,
            network,
            server,
        })
    }

    /// Lets the database fail and return, and waits until all clients have written again.
    async fn recovery(&mut self, failure: Failure) -> Result<Recovery> {
        sleep(QUIET).await;
        match failure {
            Failure::Stopped => {
                self.server.stop().await?;
                self.wait_unready().await?;
                self.server.start_again().await?;
            }
            Failure::Killed => {
                self.server.kill()?;
                self.wait_unready().await?;
                self.server.start_again().await?;
            }
            Failure::Restarted => {
                self.server.stop().await?;
                self.server.start_again().await?;
            }
            Failure::Paused(seconds) => {
                self.server.pause()?;
                sleep(Duration::from_secs(seconds)).await;
                self.server.resume()?;
            }
            Failure::CutOff(seconds) => self.network_fails(Fault::Refuse, seconds).await?,
            Failure::AnswersLost(seconds) => {
                self.network_fails(Fault::LoseAnswers, seconds).await?;
            }
        }
        let back = now();
        self.first_writes.forget();
        let client = self.app.client().user("newcomer");
        let (first_writes, turn) = (self.first_writes.clone(), self.newcomers);
        self.newcomers += 1;
        let newcomer = tokio::spawn(async move {
            write(&client, turn).await;
            first_writes.record(CLIENTS);
        });
        let what = format!("all clients write after {failure:?}");
        let recovery = eventually(&what, RECOVERY_MAX, async || {
            Ok(self.first_writes.since(back))
        })
        .await?;
        newcomer.await?;
        Ok(recovery)
    }

    async fn network_fails(&self, fault: Fault, seconds: u64) -> Result<()> {
        self.network.set(fault).await?;
        sleep(Duration::from_secs(seconds)).await;
        self.network.set(Fault::Forward).await
    }

    async fn wait_unready(&self) -> Result<()> {
        let client = self.app.client();
        eventually("/readyz answers 503", RECOVERY_MAX, async || {
            let ready = client.get("/readyz").await?;
            Ok((ready.status == 503).then_some(()))
        })
        .await
    }
}

/// Charges once. Repeats the request, with the same key, until it succeeds.
async fn write(client: &Client, turn: u64) {
    let charge = client
        .post("/v1/points/charges")
        .idempotency_key(&turn.to_string())
        .json(&json!({"amount": 1}));
    while !is_charged(charge.clone()).await {
        sleep(RETRY_AFTER).await;
    }
}

/// Returns true for a success, and false if the request must be repeated. Prints an unexpected
/// answer.
async fn is_charged(charge: Request) -> bool {
    match charge.await {
        Ok(reply) if reply.status == 201 => return true,
        Ok(reply) if reply.status == 503 => {}
        Ok(reply) => eprintln!("an unexpected answer: {reply:?}"),
        Err(error) => eprintln!("no answer: {error:#}"),
    }
    false
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long a recovery takes"
)]
fn now() -> Instant {
    Instant::now()
}
