//! With the queues on Redis, queue requests cost MySQL no statements.

use anyhow::{Context, Result, ensure};
use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::{AsyncConnection, AsyncMysqlConnection};
use frontrow_test_harness::{MySqlServer, RedisKeyspace};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::{
    clock::Stopwatch,
    stores::Stores,
    test_app::{TestApp, Visitor},
};

const USERS: usize = 2_000;
const ACTIVE: usize = 1_000;
/// The number of look-ups, or passes of the gate, of each user.
const TIMES: usize = 4;
const AT_ONCE: usize = 32;

/// Statements that the program sends without a request, by words that occur in no other statement,
/// with their largest number per second.
const KNOWN: [(&str, f64); 10] = [
    // The master copies of the policies, which the survey reads, and the snapshot of the catalogue,
    // which the sale job reads each second.
    ("`concerts`.`policy_version`", 2.0),
    // That snapshot, and the snapshot of a concert's performances behind the gate: each once a
    // second.
    ("performance_sales", 3.0),
    ("`reservations`.`held_until` <=", 1.0),
    // The job that counts sales, each second; the rankings, every few.
    ("confirmed_at", 2.0),
    // The sweep's transaction.
    ("BEGIN", 2.0),
    ("ROLLBACK", 2.0),
    // The transaction of the snapshot of the catalogue.
    ("START TRANSACTION READ ONLY", 1.0),
    ("COMMIT", 1.0),
    // New connections.
    ("max_allowed_packet", 2.0),
    // This test, and the start of a connection.
    ("SET ", 2.0),
];

/// A line of the server's general log.
#[derive(Debug, QueryableByName)]
struct Logged {
    #[diesel(sql_type = Text)]
    statement: String,
}

/// 10,000 requests to the queue while the server logs all statements.
#[tokio::test(flavor = "multi_thread")]
async fn queue_requests_are_no_statements_in_mysql() -> Result<()> {
    // The log is of the whole server.
    let server = MySqlServer::start().await?;
    let url = server.create_database("frontrow").await?;
    let keyspace = RedisKeyspace::create().await?;
    let config = Stores::with_redis(Stores::on_mysql(&url), keyspace.url())
        .env("FRONTROW_REDIS__KEY_PREFIX", keyspace.prefix());
    let policy = json!({"throughput": {"admit": ACTIVE, "interval_s": 3600}});
    let test_app = TestApp::open_with(config, 1, 10, policy).await?;
    // The first request for the performances fills the snapshot.
    test_app.join("first").await?;
    server.execute("SET GLOBAL log_output = 'TABLE'").await?;
    server.execute("SET GLOBAL general_log = ON").await?;
    let began = Stopwatch::start();
    let users: Vec<Visitor> = stream::iter(0..USERS)
        .map(|number| {
            let test_app = &test_app;
            async move { test_app.join(&format!("user-{number}")).await }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    for _ in 0..TIMES {
        let asking = users.iter().map(|user| async {
            if user.is_active() {
                let gate = user.client.get(&test_app.performances_path()).await?;
                gate.expect_status(200)
            } else {
                let place = user.client.get("/v1/queue/token").await?;
                place.expect_status(200)
            }
        });
        let answers: Vec<_> = stream::iter(asking)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        ensure!(answers.len() == USERS);
    }
    let took = began.elapsed().as_secs_f64();
    server.execute("SET GLOBAL general_log = OFF").await?;
    let mut log = AsyncMysqlConnection::establish(&format!("{}/mysql", server.url())).await?;
    // Statements have ids as bytes that are not UTF-8. Without the conversion, MySQL returns
    // nothing for them.
    let query = sql_query(
        "SELECT CONVERT(argument USING latin1) AS statement FROM mysql.general_log
         WHERE command_type IN ('Query', 'Execute')",
    );
    let logged: Vec<Logged> = diesel_async::RunQueryDsl::load(query, &mut log).await?;
    ensure!(!logged.is_empty(), "the jobs were at work");
    let mut counts = [0.0; KNOWN.len()];
    for Logged { statement } in &logged {
        let known = KNOWN
            .iter()
            .position(|(words, _)| statement.contains(words));
        let known = known.with_context(|| format!("an unknown statement: {statement}"))?;
        counts[known] += 1.0;
    }
    for ((words, a_second), count) in KNOWN.iter().zip(counts) {
        // Adds a few for statements that began before or end after the measured time.
        let most = a_second * took + 5.0;
        ensure!(count <= most, "{count} times {words} in {took:.1} s");
    }
    Ok(())
}
