//! How long after its database is back the program takes its first write, and each of its clients' first.
//!
//! ```sh
//! cargo build --release
//! cargo run -p frontrow-test-harness --example recovery -- target/release/frontrow
//! ```
//!
//! Starts the program with its default settings and a durable database server, both on the loopback
//! interface, lets a few clients charge points all the time, breaks the database several times in each
//! way, and prints the medians. A client that is told to come back does so after 50 ms.

use std::{
    env,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use frontrow_test_harness::{
    App, AppConfig, Client, Fault, FaultProxy, MySqlServer, Request, eventually,
};
use serde_json::json;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

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
    writes: Arc<[watch::Sender<Option<Instant>>]>,
    _clients: JoinSet<()>,
    app: App,
    network: FaultProxy,
    server: MySqlServer,
}

/// What one failure came to.
struct Recovery {
    /// From the database's return to the first write that succeeded.
    first: Duration,
    /// To the last of the clients' first writes.
    all: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let binary = env::args_os().nth(1).map(PathBuf::from);
    let binary = binary.context("say which program: target/release/frontrow")?;
    let mut bench = Bench::start(&binary.canonicalize()?).await?;
    println!(
        "{}; {CLIENTS} clients, medians of {ROUNDS}",
        bench.server.version()
    );
    println!(
        "{:<14} {:>14} {:>20}",
        "failure", "first write", "every client wrote"
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
        let (first, all) = (median(|one| one.first), median(|one| one.all));
        println!("{:<14} {first:>11} ms {all:>17} ms", format!("{failure:?}"));
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
        let writes: Arc<[_]> = (0..CLIENTS).map(|_| watch::Sender::new(None)).collect();
        let mut clients = JoinSet::new();
        for (number, written) in writes.iter().cloned().enumerate() {
            let client = app.client().user(&format!("user-{number}"));
            clients.spawn(write_for_ever(client, written));
        }
        Ok(Self {
            writes,
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
        let mut first: Option<Duration> = None;
        let mut all = Duration::ZERO;
        for writes in self.writes.iter() {
            let mut writes = writes.subscribe();
            let after = writes.wait_for(|at| at.is_some_and(|at| at >= back));
            let after = timeout(RECOVERY_MAX, after)
                .await
                .with_context(|| format!("{failure:?}: no write in {RECOVERY_MAX:?}"))??;
            let took = after.unwrap_or(back).duration_since(back);
            first = Some(first.map_or(took, |first| first.min(took)));
            all = all.max(took);
        }
        Ok(Recovery {
            first: first.context("there are clients")?,
            all,
        })
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

/// Charges again and again, each time until it has succeeded, and notes when.
async fn write_for_ever(client: Client, written: watch::Sender<Option<Instant>>) {
    for number in 0_u64.. {
        let charge = client
            .post("/v1/points/charges")
            .idempotency_key(&number.to_string())
            .json(&json!({"amount": 1}));
        while !client_was_served(charge.clone()).await {
            sleep(COME_BACK_AFTER).await;
        }
        written.send_replace(Some(now()));
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
