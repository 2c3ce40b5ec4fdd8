//! Several instances expire holds at the same time.

use diesel_async::AsyncMysqlConnection;
use frontrow_adapter_mysql::MySqlDatabase;
use frontrow_domain::ports::Reservations;

use crate::{
    one_database::settings,
    program::{Program, execute, texts},
};

const INSTANCES: usize = 4;
const EXPIRED: u32 = 800;
const SEATS: u16 = 900;

/// Starts a program whose seats are all held. The first `EXPIRED` holds are expired.
async fn program_with_holds() -> Program {
    let program = Program::start().await;
    program.edit_seats(SEATS).await;
    let raw = &mut program.raw().await;
    for sql in [
        &format!(
            "INSERT INTO reservations (id, user_id, concert_id, performance_id, state, held_until,
                                       total, seat_count, seats)
             SELECT CONCAT('r-', LPAD(ordinal, 14, '0')), CONCAT('user-', ordinal), p.concert_id,
                    p.id, 'held', UTC_TIMESTAMP(6) + INTERVAL IF(ordinal < {EXPIRED}, -1, 1) DAY,
                    100, 1,
                    '[[\"A-1\", 100]]'
             FROM seats JOIN performances p ON p.id = performance_id"
        ),
        "UPDATE seats s JOIN reservations r ON r.user_id = CONCAT('user-', ordinal)
         SET s.reservation_id = r.id, s.held_until = r.held_until, s.user_id = r.user_id,
             user_slot = 1",
    ] {
        execute(raw, sql).await.unwrap();
    }
    program
}

const DUE: &str = "SELECT HEX(id) AS text FROM reservations WHERE held_until <= UTC_TIMESTAMP(6)
                   ORDER BY held_until LIMIT 100";

/// Runs `sql` in two transactions at the same time. Returns how many of the 100 rows both find.
async fn found_by_both(
    one: &mut AsyncMysqlConnection,
    other: &mut AsyncMysqlConnection,
    sql: &str,
) -> usize {
    for raw in [&mut *one, &mut *other] {
        execute(raw, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN")
            .await
            .unwrap();
    }
    let found = texts(one, sql).await;
    let also_found = texts(other, sql).await;
    for raw in [one, other] {
        execute(raw, "ROLLBACK").await.unwrap();
    }
    assert_eq!((found.len(), also_found.len()), (100, 100));
    also_found.iter().filter(|id| found.contains(id)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_sweeps_share_the_work_and_do_none_of_it_twice() {
    let program = program_with_holds().await;
    let (one, other) = (&mut program.raw().await, &mut program.raw().await);
    // Without locks, all instances would begin with the same holds.
    assert_eq!(found_by_both(one, other, DUE).await, 100);
    let locking = format!("{DUE} FOR UPDATE SKIP LOCKED");
    assert_eq!(found_by_both(one, other, &locking).await, 0);

    let mut instances = Vec::new();
    for _ in 0..INSTANCES {
        let offset = program.offset.clone();
        let opened = MySqlDatabase::open(program.url(), &settings(), offset).await;
        instances.push(opened.unwrap());
    }
    let sweeps = instances.iter().map(|instance| {
        let instance = instance.clone();
        tokio::spawn(async move { instance.sweep(EXPIRED).await.unwrap() })
    });
    let mut swept = 0;
    for sweep in sweeps.collect::<Vec<_>>() {
        swept += sweep.await.unwrap();
    }
    // An instance leaves the holds that another one has locked to that one.
    assert_eq!(swept, EXPIRED);
    let retries: u64 = instances.iter().map(MySqlDatabase::retries).sum();
    assert_eq!(retries, 0, "the sweeps conflicted");
    let left = "SELECT CONCAT_WS(' ', state, COUNT(*), COUNT(s.label)) AS text
                FROM reservations r LEFT JOIN seats s ON s.reservation_id = r.id
                GROUP BY state ORDER BY state";
    assert_eq!(texts(one, left).await, ["expired 800 0", "held 100 100"]);
}
