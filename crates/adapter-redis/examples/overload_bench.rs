//! Measures four processes on a Redis server that gets several times the load that it can serve.
//!
//! `cargo run --release -p frontrow-adapter-redis --example overload_bench`
//!
//! Redis runs only a quarter of the time, so that processors are left for the processes. First 50
//! users of each process look up their places, which shows the number of look-ups a second without
//! overload. Then 16,000 users do, each again as soon as it has an answer or a refusal. A queue is
//! ticked meanwhile.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on may panic"
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
/// The number of users of a process who look up at a time without overload.
const USERS_WITHOUT_OVERLOAD: usize = 50;
/// How long each load is measured.
const MEASURED: Duration = Duration::from_secs(10);
/// How long each load runs before it is measured.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long Redis runs in each cycle.
const RUN_TIME: Duration = Duration::from_millis(5);
/// How long Redis is stopped in each cycle.
const STOP_TIME: Duration = Duration::from_millis(15);
/// The throughput of the queue.
const THROUGHPUT: Throughput = Throughput {
    admit: 100,
    interval: Duration::from_secs(1),
};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    match env::args().nth(1) {
        Some(url) => run_users(&url, &env::args().nth(2).unwrap()).await,
        None => measure().await,
    }
}

async fn open(url: &str) -> RedisStore {
    RedisStore::open(&RedisSettings::new(url), TimeOffset::default())
        .await
        .expect("Redis answers")
}

/// Runs a process of users: lets them join, then polls with the number of users that each line of
/// standard input names.
async fn run_users(url: &str, name: &str) {
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

/// Lets these users look up their places without a pause. Returns the numbers of answered and of
/// refused look-ups in the measured time.
async fn poll(store: &RedisStore, tickets: &[Ticket]) -> (u64, u64) {
    let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let stop = Arc::new(AtomicBool::new(false));
    let polling = tickets.iter().map(|ticket| {
        let (store, ticket) = (store.clone(), ticket.clone());
        let (counts, stop) = (Arc::clone(&counts), Arc::clone(&stop));
        tokio::spawn(async move {
            while !stop.load(Relaxed) {
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
    stop.store(true, Relaxed);
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
    for (load, users) in [
        ("few users", USERS_WITHOUT_OVERLOAD),
        ("overloaded", USERS_PER_PROCESS),
    ] {
        let connections = connections(&url).await;
        let polling = join_all(processes.iter_mut().map(|process| process.poll(users)));
        let (results, (admitted, seconds)) = tokio::join!(polling, admissions(&store));
        let served: u64 = results.iter().map(|counts| counts.0).sum();
        let refused: u64 = results.iter().map(|counts| counts.1).sum();
        let rate = served as f64 / MEASURED.as_secs_f64();
        rates.push(rate);
        println!(
            "{load}: {rate:.0} look-ups a second, {refused} refused; \
             {:.1} admissions a second (of {}); {} connections replaced",
            admitted as f64 / seconds,
            THROUGHPUT.admit,
            self::connections(&url).await - connections - 1,
        );
    }
    println!("overloaded ÷ few users: {:.2}", rates[1] / rates[0]);
    throttling.store(true, Relaxed);
}

/// Seeds a queue in which every user waits until a tick admits them.
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

/// Ticks as the program does. Returns the number of admitted users, and the time in seconds.
async fn admissions(store: &RedisStore) -> (u64, f64) {
    let mut pace = interval(THROUGHPUT.interval / 3);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let began = Instant::now();
    let mut admitted = 0;
    while began.elapsed() < WARM_UP + MEASURED {
        pace.tick().await;
        match store.admit(CONCERT, 500).await {
            Ok(ticked) => match ticked.value {
                TickOutcome::Ticked(report) => admitted += u64::from(report.done),
                TickOutcome::NotSeeded => println!("the store lacks the queue"),
            },
            Err(error) => println!("a tick failed: {error}"),
        }
    }
    (admitted, began.elapsed().as_secs_f64())
}

/// Stops the server for a part of each cycle, until the returned flag is set.
fn throttle(mut server: RedisServer) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let stop_in_thread = Arc::clone(&stop);
    std::thread::spawn(move || {
        while !stop_in_thread.load(Relaxed) {
            server.resume().unwrap();
            std::thread::sleep(RUN_TIME);
            server.pause().unwrap();
            std::thread::sleep(STOP_TIME);
        }
        server.resume().unwrap();
    });
    stop
}

/// Returns the number of connections that the server has accepted.
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
