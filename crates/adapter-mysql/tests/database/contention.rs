//! Concurrent calls on the same rows are retried, wait for a bounded time, and leave no transaction
//! behind.

use std::time::Duration;

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Text},
};
use diesel_async::{AsyncMysqlConnection, RunQueryDsl};
use frontrow_adapter_mysql::MySqlSettings;
use frontrow_domain::{
    model::{Applied, PageRequest},
    ports::{ChargeOutcome, Concerts, HoldOutcome, PayOutcome, Points, Reservations, StoreError},
};
use frontrow_test_harness::{PROCESS_LIST, eventually};

use crate::{
    one_database::settings,
    program::{Program, execute, far, texts, user},
};

/// Maximum wait for a state of the server.
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(1);

/// Begins a transaction and runs its first statement.
pub(crate) async fn begin(raw: &mut AsyncMysqlConnection, sql: &str) -> QueryResult<()> {
    execute(raw, "BEGIN").await?;
    execute(raw, sql).await
}

/// Returns settings with the shortest wait for a row.
fn short_lock_timeout() -> MySqlSettings {
    MySqlSettings {
        lock_timeout: Duration::from_secs(1),
        ..settings()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_retried_and_counted() {
    let program = Program::start().await;
    program.charge("ann", 100).await;
    let held = program.held("ann", &["A-1"]).await;
    let before = program.database.retries();
    // A payment locks the balance, then the reservation. This transaction takes them in the other
    // order. It has changed more rows, so the server rolls the payment back.
    let raw = &mut program.raw().await;
    begin(
        raw,
        "UPDATE seats SET price = price + 1 WHERE label > 'A-2'",
    )
    .await
    .unwrap();
    execute(raw, "SELECT id FROM reservations FOR UPDATE")
        .await
        .unwrap();
    let (database, payment) = (program.database.clone(), program.payment_of(&held));
    let paying = tokio::spawn(async move { database.pay(&payment).await });
    let watch = &mut program.raw().await;
    wait_for_lock_wait(watch).await;
    execute(raw, "SELECT user_id FROM balances FOR UPDATE")
        .await
        .unwrap();
    execute(raw, "ROLLBACK").await.unwrap();
    let paid = paying.await.unwrap().unwrap();
    assert!(
        matches!(
            paid,
            PayOutcome::Paid(Applied {
                replayed: false,
                ..
            })
        ),
        "{paid:?}"
    );
    assert!(program.database.retries() > before);
    let balance = program.database.balance(&user("ann")).await.unwrap();
    assert_eq!(balance.0.minor_units(), 0);
}

/// Waits until a transaction of this database waits for a lock.
async fn wait_for_lock_wait(raw: &mut AsyncMysqlConnection) {
    let waiting = eventually("a transaction waits", WAIT_MAX, async || {
        let transactions = transactions(raw).await.unwrap_or_default();
        Ok(transactions.contains(&"LOCK WAIT".to_owned()).then_some(()))
    });
    waiting.await.unwrap();
}

/// Returns the states of the transactions of this database. Errors now and then on MySQL, which
/// treats the parameters of another connection's statement as text.
async fn transactions(raw: &mut AsyncMysqlConnection) -> QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Transaction {
        #[diesel(sql_type = BigInt)]
        session: i64,
        #[diesel(sql_type = Text)]
        state: String,
    }
    // InnoDB refreshes this table only if no query has read it for 100 ms.
    tokio::time::sleep(Duration::from_millis(150)).await;
    let sessions = sessions(raw).await;
    let all: Vec<Transaction> = sql_query(
        "SELECT CAST(trx_mysql_thread_id AS SIGNED) AS session, trx_state AS state
         FROM information_schema.innodb_trx",
    )
    .load(raw)
    .await?;
    let ours = all
        .into_iter()
        .filter(|one| sessions.contains(&one.session));
    Ok(ours.map(|one| one.state).collect())
}

/// Returns the ids of the connections to this database.
pub(crate) async fn sessions(raw: &mut AsyncMysqlConnection) -> Vec<i64> {
    #[derive(QueryableByName)]
    struct Session {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let ours = sql_query(format!(
        "SELECT id FROM {PROCESS_LIST} WHERE db = DATABASE()"
    ));
    let ours: Vec<Session> = ours.load(raw).await.unwrap();
    ours.iter().map(|one| one.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_stays_locked_costs_a_bounded_wait() {
    let program = Program::start_with(MySqlSettings {
        statement_timeout: Duration::from_millis(2_500),
        ..short_lock_timeout()
    })
    .await;
    program.charge("ann", 1).await;
    let raw = &mut program.raw().await;
    begin(raw, "SELECT user_id FROM balances FOR UPDATE")
        .await
        .unwrap();
    let failed = program.database.charge(&program.charge_of("ann", 1)).await;
    let Err(error @ StoreError::NotApplied { .. }) = failed else {
        panic!("should not be applied: {failed:?}");
    };
    assert!(error.retry_after().is_some());
    execute(raw, "ROLLBACK").await.unwrap();
    program.charge("ann", 1).await;
    let balance = program.database.balance(&user("ann")).await.unwrap();
    assert_eq!(balance.0.minor_units(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_whose_first_call_has_not_ended_returns_in_progress() {
    let program = Program::start_with(short_lock_timeout()).await;
    let charge = program.charge_of("ann", 1);
    let raw = &mut program.raw().await;
    let key = charge.keyed.key.as_str();
    let claim = format!(
        "INSERT INTO idempotency_records
         VALUES ('user', 'ann', '{key}', 'charge', REPEAT('x', 32), 'x', NOW(), NULL)"
    );
    begin(raw, &claim).await.unwrap();
    let outcome = program.database.charge(&charge).await.unwrap();
    assert_eq!(outcome, ChargeOutcome::InProgress);
    execute(raw, "ROLLBACK").await.unwrap();
    let outcome = program.database.charge(&charge).await.unwrap();
    assert!(matches!(
        outcome,
        ChargeOutcome::Charged(Applied {
            replayed: false,
            ..
        })
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_pool_answers_in_bounded_time() {
    let program = Program::start_with(MySqlSettings {
        pool_size: 1,
        acquire_timeout: Duration::from_millis(100),
        ..settings()
    })
    .await;
    program.charge("ann", 1).await;
    let raw = &mut program.raw().await;
    begin(raw, "SELECT user_id FROM balances FOR UPDATE")
        .await
        .unwrap();
    let (database, charge) = (program.database.clone(), program.charge_of("ann", 1));
    let waiting = tokio::spawn(async move { database.charge(&charge).await });
    wait_for_lock_wait(&mut program.raw().await).await;
    let refused = program.database.catalogue(far()).await;
    let Err(error @ StoreError::NotApplied { .. }) = refused else {
        panic!("there should be no connection: {refused:?}");
    };
    assert!(error.retry_after().is_some());
    execute(raw, "ROLLBACK").await.unwrap();
    waiting.await.unwrap().unwrap();
    program.database.catalogue(far()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_ended_are_replaced() {
    let program = Program::start().await;
    program.charge("ann", 1).await;
    let raw = &mut program.raw().await;
    let own = texts(raw, "SELECT CAST(CONNECTION_ID() AS CHAR) AS text").await;
    for session in sessions(raw).await {
        if !own.contains(&session.to_string()) {
            execute(raw, &format!("KILL {session}")).await.unwrap();
        }
    }
    program.charge("ann", 1).await;
    let balance = program.database.balance(&user("ann")).await.unwrap();
    assert_eq!(balance.0.minor_units(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_call_is_done_whole_or_not_at_all() {
    let program = Program::start().await;
    for number in 1..=9 {
        let label = format!("A-{number}");
        let request = program.request(&format!("user-{number}"), &[&label]);
        // The call is polled once, and dropped while it runs.
        let abandoned = tokio::time::timeout(Duration::ZERO, program.database.hold(&request));
        drop(abandoned.await);
    }
    let raw = &mut program.raw().await;
    for number in 1..=9 {
        // A repeat waits for the first call and returns its outcome.
        let label = format!("A-{number}");
        let request = program.request(&format!("user-{number}"), &[&label]);
        let repeated = program.database.hold(&request).await.unwrap();
        let held = matches!(repeated, HoldOutcome::Held(_) | HoldOutcome::AlreadyHeld(_));
        assert!(held, "{repeated:?}");
    }
    let over = eventually("every transaction is over", WAIT_MAX, async || {
        let transactions = transactions(raw).await;
        Ok(transactions.is_ok_and(|all| all.is_empty()).then_some(()))
    });
    over.await.unwrap();
    let page = PageRequest {
        after: None,
        limit: 100,
    };
    let made = program
        .database
        .of_concert(program.concert, page)
        .await
        .unwrap();
    assert_eq!(made.items.len(), 9);
}
