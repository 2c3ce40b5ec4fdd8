//! The cost of counting for payments.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use frontrow_adapter_embedded::SqliteDatabase;
use frontrow_domain::{
    model::{ConcertId, IdempotencyKey, Keyed, LedgerEntryId, ReservationId, UserId},
    ports::{PayOutcome, PaymentRequest, Reservations},
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{Bench, CONCERT, PERFORMANCE, RESERVATION, id, numbers, timed};

const CONCERTS: u32 = 50;
const ROUNDS: u32 = 5;
const PAYMENTS: u32 = 5_000;
const AT_ONCE: usize = 64;

pub(crate) async fn figures() {
    println!("payments/s, {PAYMENTS} a round, {AT_ONCE} at once, over {CONCERTS} concerts");
    let mut without = bench().await;
    without.run("DROP TRIGGER reservations_are_counted");
    let with = bench().await;
    let mut rates = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        // In turns, so that other work on the machine affects both alike.
        for (bench, rates) in [&without, &with].into_iter().zip(&mut rates) {
            let ((), ms) = timed(pay_all(&bench.database, round)).await;
            rates.push(f64::from(PAYMENTS) * 1_000.0 / ms);
        }
        println!(
            "  round {round}: {:.0} without counting, {:.0} with it",
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

/// Returns a file with held seats, each of a user with enough points.
async fn bench() -> Bench {
    let mut bench = Bench::open(CONCERTS).await;
    let of = format!("n % {CONCERTS}");
    let (concert, performance) = (id(CONCERT, &of), id(PERFORMANCE, &of));
    let (reservation, n) = (id(RESERVATION, "n"), numbers(0, ROUNDS * PAYMENTS));
    bench.run(&format!(
        "BEGIN;
         INSERT INTO balances (user_id, balance) SELECT 'user-' || n, 100 FROM {n};
         INSERT INTO reservations (id, user_id, concert_id, performance_id, state, held_until, total,
                                   seat_count)
         SELECT {reservation}, 'user-' || n, {concert}, {performance}, 'held', 4000000000000000, 100, 1
         FROM {n};
         INSERT INTO reservation_seats SELECT {reservation}, 'A-' || n, 100 FROM {n};
         INSERT INTO seats
         SELECT {performance}, 'A-' || n, n, 'Stalls', 100, {reservation}, 4000000000000000, 'user-' || n, 1
         FROM {n};
         COMMIT"
    ));
    bench
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.swap_remove(values.len() / 2)
}

async fn pay_all(database: &SqliteDatabase, round: u32) {
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
    let user = UserId::try_from(format!("user-{n}").as_str()).unwrap();
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
