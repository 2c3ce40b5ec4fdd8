//! How long after its database is back the program takes writes again.
//!
//! ```sh
//! cargo build --release
//! cargo run -p frontrow-test-harness --example recovery -- target/release/frontrow
//! ```
//!
//! Starts the program with its default settings and a durable database server, both on the loopback
//! interface, lets a few clients charge points all the time, breaks the database several times in each
//! way, and prints the medians. A client that is told to come back does so after 50 ms. One whose request
//! was under way when the database failed may have to wait for as long as the program waits for a lost
//! answer (`database.statement_timeout_ms`); a newcomer need not.

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
/// How long everything works between two failures.
const QUIET: Duration = Duration::from_secs(1);
/// What takes longer never comes.
const RECOVERY_MAX: Duration = Duration::from_mins(1);
const COME_BACK_AFTER: Duration = Duration::from_millis(50);

/// How the database fails.
#[derive(Debug, Clone, Copy)]
enum Failure {
    /// Ends in good order.
    Stopped,
    Killed,
    /// Ends in good order, and starts at once.
    Restarted,
    /// Stands still for so many seconds.
    Paused(u64),
    /// Is there, but nobody gets to it for so many seconds.
    CutOff(u64),
    /// Hears everything, and nobody hears its answers for so many seconds.
    Unheard(u64),
}

const FAILURES: [Failure; 8] = [
    Failure::Stopped,
    Failure::Killed,
    Failure::Restarted,
    Failure::Paused(2),
    Failure::Paused(8),
    Failure::CutOff(2),
    Failure::Unheard(2),
    Failure::Unheard(8),
];

/// A program, its database, and clients who write.
struct Bench {
    first_writes: FirstWrites,
    newcomers: u64,
    _clients: JoinSet<()>,
    app: App,
    network: FaultProxy,
    server: MySqlServer,
}

/// What one failure came to, from the database's return on.
struct Recovery {
    /// To the write of a client that comes just then.
    newcomer: Duration,
    /// To the first write of those who were there before.
    first: Duration,
    /// To the last of their first writes.
    all: Duration,
}

/// When each client wrote for the first time since the last [`FirstWrites::forget`]; the last is the
/// newcomer.
#[derive(Clone, Default)]
struct FirstWrites(Arc<Mutex<[Option<Instant>; CLIENTS + 1]>>);

impl FirstWrites {
    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Default::default();
    }

    fn note(&self, client: usize) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = all.get_mut(client) {
            at.get_or_insert_with(now);
        }
    }

    /// Once all have written.
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
    let binary = binary.context("say which program: target/release/frontrow")?;
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
                    first_writes.note(number);
                    sleep(COME_BACK_AFTER).await;
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

    /// Breaks the database, mends it, and waits until all clients have written again.
    async fn recovery(&mut self, failure: Failure) -> Result<Recovery> {
        sleep(QUIET).await;
        match failure {
            Failure::Stopped => {
                self.server.stop().await?;
                self.is_noticed().await?;
                self.server.start_again().await?;
            }
            Failure::Killed => {
                self.server.kill()?;
                self.is_noticed().await?;
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
            Failure::Unheard(seconds) => self.network_fails(Fault::LoseAnswers, seconds).await?,
        }
        let back = now();
        self.first_writes.forget();
        let client = self.app.client().user("newcomer");
        let (first_writes, turn) = (self.first_writes.clone(), self.newcomers);
        self.newcomers += 1;
        let newcomer = tokio::spawn(async move {
            write(&client, turn).await;
            first_writes.note(CLIENTS);
        });
        let what = format!("everybody writes after {failure:?}");
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

    async fn is_noticed(&self) -> Result<()> {
        let anybody = self.app.client();
        eventually("/readyz answers 503", RECOVERY_MAX, async || {
            let ready = anybody.get("/readyz").await?;
            Ok((ready.status == 503).then_some(()))
        })
        .await
    }
}

/// Charges once, however often that has to be asked for.
async fn write(client: &Client, turn: u64) {
    let charge = client
        .post("/v1/points/charges")
        .idempotency_key(&turn.to_string())
        .json(&json!({"amount": 1}));
    while !client_was_served(charge.clone()).await {
        sleep(COME_BACK_AFTER).await;
    }
}

/// True for a success, false when it is to come back. Anything else is a fault of the program.
async fn client_was_served(charge: Request) -> bool {
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
    reason = "how long it takes is what is asked"
)]
fn now() -> Instant {
    Instant::now()
}
