//! What those who pay pay for it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use frontrow_adapter_mysql::MySqlDatabase;
use frontrow_domain::{
    model::{
        ConcertId, IdempotencyKey, Keyed, LedgerEntryId, RequestDigest, ReservationId, UserId,
    },
    ports::{PayOutcome, PaymentRequest, RankingCounters, Reservations},
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    Bench,
    filling::{self, CONCERT, RESERVATION},
    timed,
};

const CONCERTS: u32 = 50;
const ROUNDS: u32 = 5;
const PAYMENTS: u32 = 20_000;
const AT_ONCE: usize = 64;

pub(crate) async fn figures() {
    println!("payments/s, {PAYMENTS} a round, {AT_ONCE} at once, over {CONCERTS} concerts");
    let mut without = bench().await;
    without
        .run("ALTER TABLE reservations DROP KEY reservations_uncounted")
        .await;
    let with = bench().await;
    let mut rates = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        // In turns, so that both have the same share of whatever else the machine does.
        let ((), ms) = timed(pay_all(&without.database, round)).await;
        rates[0].push(rate(PAYMENTS, ms));
        let counting = Counting::start(&with.database);
        let ((), ms) = timed(pay_all(&with.database, round)).await;
        rates[1].push(rate(PAYMENTS, ms));
        let counted = counting.stop().await;
        println!(
            "  round {round}: {:.0} without counting, {:.0} with it; {counted} counted meanwhile",
            rates[0].last().unwrap(),
            rates[1].last().unwrap()
        );
    }
    let [without, with] = rates.map(median);
    println!(
        "  median: {without:.0} without, {with:.0} with: {:.3}",
        with / without
    );
}

async fn bench() -> Bench {
    let mut bench = Bench::open(AT_ONCE).await;
    bench.run(&filling::concerts(CONCERTS)).await;
    bench.run(&filling::holds(0, CONCERTS)).await;
    bench
}

fn rate(count: u32, ms: f64) -> f64 {
    f64::from(count) * 1_000.0 / ms
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.swap_remove(values.len() / 2)
}

async fn pay_all(database: &MySqlDatabase, round: u32) {
    let next = Arc::new(AtomicU32::new(round * PAYMENTS));
    let mut payers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (database, next) = (database.clone(), Arc::clone(&next));
        payers.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= (round + 1) * PAYMENTS {
                    return;
                }
                let outcome = database.pay(&payment(n)).await.unwrap();
                assert!(matches!(outcome, PayOutcome::Paid(_)), "{outcome:?}");
            }
        });
    }
    payers.join_all().await;
}

fn payment(n: u32) -> PaymentRequest {
    let id = |kind: u8, n: u32| Uuid::from_u128((u128::from(kind) << 120) | u128::from(n));
    let reservation = ReservationId(id(RESERVATION, n));
    PaymentRequest {
        reservation,
        user: UserId::try_from(format!("user-{n}").as_str()).unwrap(),
        concert: ConcertId(id(CONCERT, n % CONCERTS)),
        entry: LedgerEntryId(id(9, n)),
        keyed: Keyed {
            key: IdempotencyKey::try_from("payment").unwrap(),
            digest: RequestDigest::payment(reservation),
        },
    }
}

/// The job, beside the payments.
struct Counting {
    over: Arc<AtomicBool>,
    job: tokio::task::JoinHandle<u32>,
}

impl Counting {
    fn start(database: &MySqlDatabase) -> Self {
        let (over, database) = (Arc::new(AtomicBool::new(false)), database.clone());
        let stop = Arc::clone(&over);
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
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
            counted
        });
        Self { over, job }
    }

    async fn stop(self) -> u32 {
        self.over.store(true, Ordering::Relaxed);
        self.job.await.unwrap()
    }
}
