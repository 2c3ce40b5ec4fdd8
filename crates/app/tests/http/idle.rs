//! Concerts that are over cost an idle instance nothing: neither memory nor requests to its stores.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use deadpool_redis::redis::{Client, cmd};
use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl};
use frontrow_test_harness::{App, MySqlServer, RedisServer, eventually};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::{
    clock::Stopwatch,
    stores::Stores,
    test_app::{PRICE, TestApp, admin},
};

/// The smallest number of concerts that are created and visited, and whose time is then over.
const CONCERTS: usize = 3_000;
/// The number of concerts between two reads of the memory.
const CONCERTS_PER_ROUND: usize = 200;
/// More than the minute for which an instance remembers a line without requests.
const REMEMBERED: Duration = Duration::from_secs(70);
/// The number of rounds at the end in which memory no longer grows.
const LAST_ROUNDS: usize = 5;
const AT_ONCE: usize = 24;
/// More than the 30 s between two surveys, in which an instance forgets what is over.
const SETTLES_WITHIN: Duration = Duration::from_secs(100);
/// The time for which an instance is observed. It averages over the jobs that run each second.
const WATCHED: Duration = Duration::from_secs(4);

/// Requests of an instance to its stores: per second, or since the stores started.
#[derive(Debug, Clone, Copy)]
struct StoreLoad {
    statements: f64,
    commits: f64,
    commands: f64,
}

struct Servers {
    mysql: MySqlServer,
    redis: RedisServer,
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_concerts_that_are_over_cost_nothing() -> Result<()> {
    let servers = Servers {
        mysql: MySqlServer::start().await?,
        redis: RedisServer::start().await?,
    };
    let database = servers.mysql.create_database("frontrow").await?;
    let config = Stores::with_redis(Stores::on_mysql(&database), &servers.redis.url());
    let mut test_app = TestApp::open_with(config, 1, 10, json!({})).await?;
    let before = servers.per_second().await?;
    println!("at first {before:?}");
    let mut resident = Vec::new();
    let mut concerts = 0;
    let began = Stopwatch::start();
    while concerts < CONCERTS || began.elapsed() < REMEMBERED {
        create_visit_and_end(&test_app.app, concerts..concerts + CONCERTS_PER_ROUND).await?;
        concerts += CONCERTS_PER_ROUND;
        resident.push(resident_kib(&mut test_app.app)?);
    }
    println!("{concerts} concerts, KiB after each round: {resident:?}");
    let forgets = eventually(
        "concerts that are over are forgotten",
        SETTLES_WITHIN,
        async || Ok((forgotten(&test_app.app)? == concerts).then_some(())),
    );
    forgets.await?;
    let idle = eventually("as idle as at first", SETTLES_WITHIN, async || {
        let load = servers.per_second().await?;
        Ok(load.is_about(before).then_some(load))
    });
    println!("in the end {:?}", idle.await?);
    // By then, newer data has replaced what an instance keeps for a limited time.
    let (earlier, last) = (
        resident[resident.len() - 1 - LAST_ROUNDS],
        resident[resident.len() - 1],
    );
    let since = (LAST_ROUNDS * CONCERTS_PER_ROUND) as u64;
    ensure!(last < earlier + since * 4, "memory grew: {resident:?}");
    Ok(())
}

/// Creates concerts with these numbers. One user visits each of them, and then it is over.
async fn create_visit_and_end(app: &App, numbers: std::ops::Range<usize>) -> Result<()> {
    let visits = numbers.map(|number| async move {
        let title = format!("Concert {number}");
        let operator = admin(app);
        let concert = operator
            .post("/v1/admin/concerts")
            .json(&json!({"title": title, "queue": {}}))
            .await?
            .expect_status(201)?;
        let concert = concert.text_at("/id")?;
        let visitor = app.client().user(&format!("user-{number}"));
        let joining = visitor.post("/v1/queue/tokens");
        let joined = joining.json(&json!({"concert_id": concert})).await?;
        let joined = joined.expect_status(201)?;
        let visitor = visitor.queue_token(joined.text_at("/queue_token")?);
        visitor.get("/v1/queue/token").await?.expect_status(200)?;
        visitor
            .delete("/v1/queue/token")
            .await?
            .expect_status(204)?;
        let performance = json!({
            "starts_at": "2020-01-01T19:30:00Z",
            "allow_past": true,
            "venue": "A hall",
            "sections": [{"name": "Stalls", "price": PRICE, "rows": [{"name": "A", "seats": 1}]}],
        });
        let path = format!("/v1/admin/concerts/{concert}/performances");
        let added = operator.post(&path).json(&performance).await?;
        added.expect_status(201)?;
        anyhow::Ok(())
    });
    stream::iter(visits)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

impl Servers {
    async fn per_second(&self) -> Result<StoreLoad> {
        let watch = Stopwatch::start();
        let before = self.since_start().await?;
        tokio::time::sleep(WATCHED).await;
        let after = self.since_start().await?;
        let seconds = watch.elapsed().as_secs_f64();
        Ok(StoreLoad {
            statements: (after.statements - before.statements) / seconds,
            commits: (after.commits - before.commits) / seconds,
            commands: (after.commands - before.commands) / seconds,
        })
    }

    async fn since_start(&self) -> Result<StoreLoad> {
        let mut mysql = AsyncMysqlConnection::establish(&format!("{}/mysql", self.mysql.url()))
            .await
            .context("no connection to the server")?;
        let mut redis = Client::open(self.redis.url())?
            .get_multiplexed_async_connection()
            .await?;
        let info: String = cmd("INFO").arg("stats").query_async(&mut redis).await?;
        let commands = info
            .lines()
            .find_map(|line| line.strip_prefix("total_commands_processed:"))
            .context("Redis counts commands")?;
        Ok(StoreLoad {
            statements: status(&mut mysql, "Questions").await?,
            commits: status(&mut mysql, "Com_commit").await?,
            commands: commands.trim().parse()?,
        })
    }
}

impl StoreLoad {
    /// True if this load exceeds `other` by no more than its usual variation. Each reading itself
    /// takes a few statements and commands.
    fn is_about(self, other: Self) -> bool {
        let about = |one: f64, other: f64| one <= other * 1.25 + 3.0;
        about(self.statements, other.statements)
            && about(self.commits, other.commits)
            && about(self.commands, other.commands)
    }
}

/// A counter of the server.
async fn status(mysql: &mut AsyncMysqlConnection, name: &str) -> Result<f64> {
    #[derive(QueryableByName)]
    struct Status {
        #[diesel(sql_type = Text, column_name = "Value")]
        value: String,
    }
    let status = sql_query(format!("SHOW GLOBAL STATUS LIKE '{name}'"));
    let status: Status = status.get_result(mysql).await?;
    Ok(status.value.parse()?)
}

/// The resident memory of a program.
fn resident_kib(app: &mut App) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.process().pid()))?;
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("the memory of a process")?;
    Ok(resident.trim().trim_end_matches(" kB").trim().parse()?)
}

/// The number of concerts that the program reports as forgotten.
fn forgotten(app: &App) -> Result<usize> {
    let log = app.log()?;
    let lines = log.lines().filter(|line| line.contains("no longer ticked"));
    let counts = lines.map(|line| {
        let count = line.split("concerts=").nth(1);
        let count = count.context("the line has a count")?;
        let digits = count.split(|one: char| !one.is_ascii_digit()).next();
        Ok(digits.unwrap_or_default().parse::<usize>()?)
    });
    counts.sum()
}
