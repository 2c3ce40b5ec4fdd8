//! What four processes get from a Redis that is offered several times what it can do.
//!
//! `cargo run --release -p frontrow-adapter-redis --example overload_bench`
//!
//! Redis runs for a quarter of the time only, so that the programs that ask have processors left. First few
//! users ask at a time, which shows how many look-ups a second it serves so; then 16,000 users ask, each
//! again as soon as it has an answer or a refusal, while a queue is ticked.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on has nothing better to do than to stop"
)]

use std::{
    env,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use deadpool_redis::redis::{Client, cmd};
use frontrow_adapter_redis::{RedisSettings, RedisStore, TimeOffset};
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{
            Generation, PolicyState, PolicyVersion, QueuePolicy, QueueSeed, Throughput, Ticket,
            VersionedPolicy,
        },
    },
    ports::{JoinOutcome, Queue, QueueControl, QueueTicks, TickOutcome},
};
use frontrow_test_harness::RedisServer;
use futures_util::{StreamExt, future::join_all, stream};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{MissedTickBehavior, interval, sleep},
};
use uuid::Uuid;

const CONCERT: ConcertId = ConcertId(Uuid::from_u128(0xbe_0001));
const PROCESSES: usize = 4;
const USERS_PER_PROCESS: usize = 4_000;
/// How many users of a process ask at a time where the server is not overloaded.
const FEW: usize = 50;
/// For how long each load is offered, and how long it has gone on before it is measured.
const MEASURED: Duration = Duration::from_secs(10);
const WARM_UP: Duration = Duration::from_secs(5);
/// For how long Redis runs, and then stands still, in turns.
const RUNS: Duration = Duration::from_millis(5);
const STANDS: Duration = Duration::from_millis(15);
/// What is admitted.
const THROUGHPUT: Throughput = Throughput {
    admit: 100,
    interval: Duration::from_secs(1),
};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    match env::args().nth(1) {
        Some(url) => ask(&url, &env::args().nth(2).unwrap()).await,
        None => measure().await,
    }
}

async fn open(url: &str) -> RedisStore {
    RedisStore::open(&RedisSettings::new(url), TimeOffset::default())
        .await
        .expect("Redis answers")
}

/// A process of users: has them join, and then asks as its standard input says.
async fn ask(url: &str, name: &str) {
    let store = open(url).await;
    let joins = (0..USERS_PER_PROCESS).map(|number| join(&store, format!("{name}-{number}")));
    let tickets: Vec<Ticket> = stream::iter(joins).buffered(200).collect().await;
    println!("joined");
    let mut input = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = input.next_line().await.unwrap() {
        let users: usize = line.parse().unwrap();
        let (served, refused) = poll(&store, &tickets[..users]).await;
        println!("{served} {refused}");
    }
}

async fn join(store: &RedisStore, user: String) -> Ticket {
    let user = UserId::try_from(user.as_str()).unwrap();
    match store.join(CONCERT, &user, None).await.unwrap().value {
        JoinOutcome::Joined(place) => place.ticket,
        other => panic!("not joined: {other:?}"),
    }
}

/// Each of these users asks without a pause. Returns how many look-ups were answered, and how many refused,
/// in the time that is measured.
async fn poll(store: &RedisStore, tickets: &[Ticket]) -> (u64, u64) {
    let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let stops = Arc::new(AtomicBool::new(false));
    let polling = tickets.iter().map(|ticket| {
        let (store, ticket) = (store.clone(), ticket.clone());
        let (counts, stops) = (Arc::clone(&counts), Arc::clone(&stops));
        tokio::spawn(async move {
            while !stops.load(Relaxed) {
                let refused = store.look_up(&ticket).await.is_err();
                counts[usize::from(refused)].fetch_add(1, Relaxed);
                if refused {
                    // The shortest pause of a client after a refusal.
                    sleep(Duration::from_millis(200)).await;
                }
            }
        })
    });
    let polling: Vec<_> = polling.collect();
    let now = || [counts[0].load(Relaxed), counts[1].load(Relaxed)];
    sleep(WARM_UP).await;
    let before = now();
    sleep(MEASURED).await;
    let after = now();
    stops.store(true, Relaxed);
    join_all(polling).await;
    (after[0] - before[0], after[1] - before[1])
}

struct Process {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Process {
    async fn start(url: &str, name: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([url, name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let mut process = Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(output).lines(),
            _child: child,
        };
        process.line().await;
        process
    }

    async fn line(&mut self) -> String {
        let line = self.output.next_line().await.unwrap();
        line.expect("the process goes on")
    }

    async fn poll(&mut self, users: usize) -> (u64, u64) {
        let order = format!("{users}\n");
        self.input.write_all(order.as_bytes()).await.unwrap();
        let line = self.line().await;
        let (served, refused) = line.split_once(' ').unwrap();
        (served.parse().unwrap(), refused.parse().unwrap())
    }
}

async fn measure() {
    let server = RedisServer::start().await.unwrap();
    let url = server.url();
    let store = open(&url).await;
    seed(&store).await;
    let names: Vec<_> = (0..PROCESSES).map(|number| format!("p{number}")).collect();
    let starting = names.iter().map(|name| Process::start(&url, name));
    let mut processes = join_all(starting).await;
    let throttling = throttle(server);
    let mut rates = Vec::new();
    for (load, users) in [("few users", FEW), ("overloaded", USERS_PER_PROCESS)] {
        let connections = connections(&url).await;
        let polling = join_all(processes.iter_mut().map(|process| process.poll(users)));
        let (told, (admitted, seconds)) = tokio::join!(polling, admissions(&store));
        let served: u64 = told.iter().map(|told| told.0).sum();
        let refused: u64 = told.iter().map(|told| told.1).sum();
        let rate = served as f64 / MEASURED.as_secs_f64();
        rates.push(rate);
        println!(
            "{load}: {rate:.0} look-ups a second, {refused} refused; {:.1} admissions a second (of {}); \
             {} connections replaced",
            admitted as f64 / seconds,
            THROUGHPUT.admit,
            self::connections(&url).await - connections - 1,
        );
    }
    println!("overloaded ÷ few users: {:.2}", rates[1] / rates[0]);
    throttling.store(true, Relaxed);
}

/// A queue in which everybody waits but for those whom ticks admit.
async fn seed(store: &RedisStore) {
    let seed = QueueSeed {
        concert: CONCERT,
        policy: VersionedPolicy {
            policy: QueuePolicy {
                state: PolicyState::Open,
                throughput: Some(THROUGHPUT),
                ..QueuePolicy::default()
            },
            version: PolicyVersion(1),
        },
        generation: Generation(1),
        recovery: None,
    };
    store.seed(&seed).await.unwrap();
}

/// Ticks as the program does. Returns how many users were admitted, and in how many seconds.
async fn admissions(store: &RedisStore) -> (u64, f64) {
    let mut pace = interval(THROUGHPUT.interval / 3);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let began = Instant::now();
    let mut admitted = 0;
    while began.elapsed() < WARM_UP + MEASURED {
        pace.tick().await;
        match store.admit(CONCERT, 500).await {
            Ok(told) => match told.value {
                TickOutcome::Ticked(report) => admitted += u64::from(report.done),
                TickOutcome::NotSeeded => println!("the store lacks the queue"),
            },
            Err(error) => println!("a tick failed: {error}"),
        }
    }
    (admitted, began.elapsed().as_secs_f64())
}

/// Stops the server for a part of each cycle, until the result is set.
fn throttle(mut server: RedisServer) -> Arc<AtomicBool> {
    let ends = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&ends);
    std::thread::spawn(move || {
        while !until.load(Relaxed) {
            server.resume().unwrap();
            std::thread::sleep(RUNS);
            server.pause().unwrap();
            std::thread::sleep(STANDS);
        }
        server.resume().unwrap();
    });
    ends
}

/// How many connections the server has taken.
async fn connections(url: &str) -> i64 {
    let client = Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let info: String = cmd("INFO")
        .arg("stats")
        .query_async(&mut connection)
        .await
        .unwrap();
    let count = info
        .lines()
        .find_map(|line| line.strip_prefix("total_connections_received:"));
    count.unwrap().trim().parse().unwrap()
}
