//! Measures the obvious designs of a queue in a database, each done well.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use mysql_async::{Conn, Opts, prelude::Queryable};
use tokio::sync::Mutex;

use crate::{
    CALLERS,
    timing::{self, Row},
};

const LOOKERS: usize = 16;
const TURNS: usize = 40;

const TABLES: [&str; 5] = [
    "CREATE TABLE bare (id BIGINT AUTO_INCREMENT PRIMARY KEY, value BIGINT NOT NULL)",
    "CREATE TABLE waiting (id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(64) NOT NULL,
       joined_at DATETIME(6) NOT NULL, UNIQUE KEY (user_id))",
    "CREATE TABLE active (user_id VARCHAR(64) PRIMARY KEY, admitted_at DATETIME(6) NOT NULL)",
    "CREATE TABLE line (queue INT PRIMARY KEY, last_number BIGINT NOT NULL)",
    "CREATE TABLE numbered (number BIGINT PRIMARY KEY, user_id VARCHAR(64) NOT NULL,
       UNIQUE KEY (user_id))",
];

/// Creates the tables.
pub(crate) async fn prepare(server: &Opts) -> Result<()> {
    let mut conn = Conn::new(server.clone()).await?;
    for table in TABLES {
        conn.query_drop(table).await?;
    }
    conn.query_drop("INSERT INTO line VALUES (1, 0)").await?;
    conn.disconnect().await?;
    Ok(())
}

/// Opens a connection for each caller, set up as an adapter does.
async fn connections(server: &Opts, count: usize) -> Result<Arc<Vec<Mutex<Conn>>>> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut conn = Conn::new(server.clone()).await?;
        conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            .await?;
        all.push(Mutex::new(conn));
    }
    Ok(Arc::new(all))
}

/// Measures how many unrelated rows this server can commit.
pub(crate) async fn bare_commits(server: &Opts) -> Result<Row> {
    let connections = connections(server, CALLERS).await?;
    timing::all_at_once(
        format!("bare commit of one row, {CALLERS} connections"),
        CALLERS,
        move |caller, turn| {
            let connections = Arc::clone(&connections);
            async move {
                let conn = &mut connections
                    .get(caller)
                    .context("a connection")?
                    .lock()
                    .await;
                conn.exec_drop("INSERT INTO bare (value) VALUES (?)", (turn,))
                    .await?;
                Ok(())
            }
        },
    )
    .await
}

/// Measures joins of one commit each, numbered by the server.
pub(crate) async fn joins_by_auto_increment(server: &Opts) -> Result<Row> {
    let connections = connections(server, CALLERS).await?;
    let row = timing::all_at_once(
        format!("join by auto-increment, {CALLERS} connections"),
        CALLERS,
        move |caller, turn| {
            let connections = Arc::clone(&connections);
            async move {
                let conn = &mut connections
                    .get(caller)
                    .context("a connection")?
                    .lock()
                    .await;
                conn.exec_drop(
                    "INSERT INTO waiting (user_id, joined_at) VALUES (?, UTC_TIMESTAMP(6))",
                    (format!("user-of-caller-{caller:08}-turn-{turn:08}"),),
                )
                .await?;
                Ok(())
            }
        },
    )
    .await?;
    Ok(row.noting("numbers have gaps, and are not in the order of the commits"))
}

/// Measures joins of one transaction each, numbered under the lock of a common row.
pub(crate) async fn joins_by_locked_row(server: &Opts) -> Result<Row> {
    let connections = connections(server, CALLERS).await?;
    let row = timing::all_at_once(
        format!("join under the lock of a common row, {CALLERS} connections"),
        CALLERS,
        move |caller, turn| {
            let connections = Arc::clone(&connections);
            async move {
                let conn = &mut connections
                    .get(caller)
                    .context("a connection")?
                    .lock()
                    .await;
                conn.query_drop("BEGIN").await?;
                conn.query_drop("UPDATE line SET last_number = last_number + 1 WHERE queue = 1")
                    .await?;
                conn.exec_drop(
                    "INSERT INTO numbered SELECT last_number, ? FROM line WHERE queue = 1",
                    (format!("user-of-caller-{caller:08}-turn-{turn:08}"),),
                )
                .await?;
                conn.query_drop("COMMIT").await?;
                Ok(())
            }
        },
    )
    .await?;
    Ok(row.noting("dense and in order, one commit after the other"))
}

/// Inserts `users` waiting users.
pub(crate) async fn fill(server: &Opts, users: usize) -> Result<()> {
    let mut conn = Conn::new(server.clone()).await?;
    conn.query_drop("TRUNCATE TABLE waiting").await?;
    let numbers: Vec<_> = (0..users).collect();
    for chunk in numbers.chunks(1_000) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|number| format!("('user-{number:031}', UTC_TIMESTAMP(6))"))
            .collect();
        conn.query_drop(format!(
            "INSERT INTO waiting (user_id, joined_at) VALUES {}",
            rows.join(",")
        ))
        .await?;
    }
    conn.query_drop("ANALYZE TABLE waiting").await?;
    conn.disconnect().await?;
    Ok(())
}

/// Measures look-ups that count the users ahead.
pub(crate) async fn counted_positions(server: &Opts, users: usize) -> Result<Row> {
    let connections = connections(server, LOOKERS).await?;
    let what = format!("look-up by COUNT(*), {users} waiting, {LOOKERS} connections");
    let row = timing::all_at_once(what, LOOKERS, move |caller, turn| {
        let connections = Arc::clone(&connections);
        let number = (caller * 7_919 + turn * 104_729) % users;
        async move {
            let conn = &mut connections
                .get(caller)
                .context("a connection")?
                .lock()
                .await;
            let position: Option<i64> = conn
                .exec_first(
                    "SELECT COUNT(*) FROM waiting w JOIN waiting me ON w.id <= me.id
                     WHERE me.user_id = ?",
                    (format!("user-{number:031}"),),
                )
                .await?;
            anyhow::ensure!(position.is_some_and(|position| position > 0));
            Ok(())
        }
    })
    .await?;
    Ok(row.noting("exact; no heartbeat"))
}

/// Measures admission of the first users whose rows are not locked.
pub(crate) async fn skip_locked_admission(server: &Opts) -> Result<Row> {
    let mut conn = Conn::new(server.clone()).await?;
    conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        .await?;
    let mut durations: Vec<Duration> = Vec::new();
    for _ in 0..TURNS {
        let before = Instant::now();
        conn.query_drop("BEGIN").await?;
        let next: Vec<i64> = conn
            .query("SELECT id FROM waiting ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED")
            .await?;
        let next: Vec<_> = next.iter().map(ToString::to_string).collect();
        let next = next.join(",");
        conn.query_drop(format!(
            "INSERT INTO active SELECT user_id, UTC_TIMESTAMP(6) FROM waiting WHERE id IN ({next})"
        ))
        .await?;
        conn.query_drop(format!("DELETE FROM waiting WHERE id IN ({next})"))
            .await?;
        conn.query_drop("COMMIT").await?;
        durations.push(before.elapsed());
    }
    conn.disconnect().await?;
    Ok(
        timing::of_turns("admit 500 of 100000 by SKIP LOCKED", durations)
            .noting("passes over locked rows; two at once break the order"),
    )
}
