//! Measures what counting costs users who hold seats and pay.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use frontrow_adapter_mysql::MySqlDatabase;
use frontrow_domain::{
    model::{
        ConcertId, HoldRequest, IdempotencyKey, Keyed, LedgerEntryId, PerformanceId, ReservationId,
        SeatSelection, UserId,
        queue::{Arrival, Generation, Ticket},
    },
    ports::{HoldOutcome, PayOutcome, PaymentRequest, RankingCounters, Reservations},
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    Bench,
    filling::{self, CONCERT, PERFORMANCE, RESERVATION},
    timed,
};

const CONCERTS: u32 = 50;
const ROUNDS: u32 = 5;
/// Number of seats sold in a round.
const SEATS: u32 = 20_000;
const AT_ONCE: usize = 64;

/// The rates of each round, per second.
#[derive(Default)]
struct Rates {
    holds: Vec<f64>,
    payments: Vec<f64>,
}

pub(crate) async fn figures() {
    println!("a second, {SEATS} a round, {AT_ONCE} at once, over {CONCERTS} concerts");
    let mut without = bench().await;
    without
        .run("ALTER TABLE reservations DROP KEY reservations_uncounted")
        .await;
    let with = bench().await;
    let (mut before, mut after) = (Rates::default(), Rates::default());
    for round in 0..ROUNDS {
        // The order alternates, so that both have the same share of other work on the machine, and
        // of writes that the other one has left to the disk.
        let (others, ours, counted);
        if round % 2 == 0 {
            others = before.sell(&without.database, round).await;
            (ours, counted) = after.sell_counting(&with.database, round).await;
        } else {
            (ours, counted) = after.sell_counting(&with.database, round).await;
            others = before.sell(&without.database, round).await;
        }
        println!(
            "  round {round}: {others} without counting, {ours} with it; {counted} counted meanwhile"
        );
    }
    for (what, without, with) in [
        ("holds", before.holds, after.holds),
        ("payments", before.payments, after.payments),
    ] {
        let (without, with) = (median(without), median(with));
        let ratio = with / without;
        println!("  {what}, median: {without:.0} without, {with:.0} with: {ratio:.3}");
    }
}

impl Rates {
    /// Sells the seats of a round. Returns the rates as text.
    async fn sell(&mut self, database: &MySqlDatabase, round: u32) -> String {
        let hold = |database: MySqlDatabase, n| async move {
            let outcome = database.hold(&hold(n)).await.unwrap();
            assert!(matches!(outcome, HoldOutcome::Held(_)), "{outcome:?}");
        };
        let pay = |database: MySqlDatabase, n| async move {
            let outcome = database.pay(&payment(n)).await.unwrap();
            assert!(matches!(outcome, PayOutcome::Paid(_)), "{outcome:?}");
        };
        let held = rate_of(database, round, hold).await;
        let paid = rate_of(database, round, pay).await;
        self.holds.push(held);
        self.payments.push(paid);
        format!("{held:.0} holds and {paid:.0} payments")
    }

    /// Sells the seats of a round while the job counts. Returns the rates as text, and how many
    /// payments the job counted.
    async fn sell_counting(&mut self, database: &MySqlDatabase, round: u32) -> (String, u32) {
        let counting = Counting::start(database);
        let sold = self.sell(database, round).await;
        (sold, counting.stop().await)
    }
}

async fn bench() -> Bench {
    let mut bench = Bench::open(AT_ONCE).await;
    bench.run(&filling::concerts(CONCERTS)).await;
    bench.run(&filling::seats(CONCERTS)).await;
    bench
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.swap_remove(values.len() / 2)
}

/// Does `work` once for each seat of a round. Returns the rate per second.
async fn rate_of<F>(
    database: &MySqlDatabase,
    round: u32,
    work: impl Fn(MySqlDatabase, u32) -> F + Copy + Send + 'static,
) -> f64
where
    F: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicU32::new(round * SEATS));
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (database, next) = (database.clone(), Arc::clone(&next));
        workers.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= (round + 1) * SEATS {
                    return;
                }
                work(database.clone(), n).await;
            }
        });
    }
    let (_, ms) = timed(workers.join_all()).await;
    f64::from(SEATS) * 1_000.0 / ms
}

fn id(kind: u8, n: u32) -> Uuid {
    Uuid::from_u128((u128::from(kind) << 120) | u128::from(n))
}

fn user(n: u32) -> UserId {
    UserId::try_from(format!("user-{n}").as_str()).unwrap()
}

fn hold(n: u32) -> HoldRequest {
    let seat = format!("A-{n}").parse().unwrap();
    HoldRequest {
        id: ReservationId(id(RESERVATION, n)),
        user: user(n),
        concert: ConcertId(id(CONCERT, n % CONCERTS)),
        performance: PerformanceId(id(PERFORMANCE, n % CONCERTS)),
        seats: SeatSelection::try_from(vec![seat]).unwrap(),
        hold_for: Duration::from_hours(1),
        ticket: Ticket {
            concert: ConcertId(id(CONCERT, n % CONCERTS)),
            user: user(n),
            arrival: Arrival::from_micros(i64::from(n)),
            generation: Generation(1),
        },
    }
}

fn payment(n: u32) -> PaymentRequest {
    let reservation = ReservationId(id(RESERVATION, n));
    let user = user(n);
    PaymentRequest {
        reservation,
        user: user.clone(),
        concert: ConcertId(id(CONCERT, n % CONCERTS)),
        entry: LedgerEntryId(id(9, n)),
        keyed: Keyed::payment(
            &user,
            reservation,
            IdempotencyKey::try_from("payment").unwrap(),
        ),
    }
}

/// The job that counts during the payments.
struct Counting {
    stopped: Arc<AtomicBool>,
    job: tokio::task::JoinHandle<u32>,
}

impl Counting {
    fn start(database: &MySqlDatabase) -> Self {
        let (stopped, database) = (Arc::new(AtomicBool::new(false)), database.clone());
        let stop = Arc::clone(&stopped);
        let job = tokio::spawn(async move {
            let mut counted = 0;
            while !stop.load(Ordering::Relaxed) {
                loop {
                    let added = database.add_up(1_000).await.unwrap();
                    counted += added;
                    if added < 1_000 {
                        break;
                    }
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            counted
        });
        Self { stopped, job }
    }

    async fn stop(self) -> u32 {
        self.stopped.store(true, Ordering::Relaxed);
        self.job.await.unwrap()
    }
}
