//! The ranking: its cost with a million sold seats, and its rate from the cache.

mod sales;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mysql_async::{Conn, prelude::Queryable};
use serde_json::Value;

use self::sales::Sales;
use super::{
    against_bare, in_turns,
    test_bed::{Environment, RequiredStores, TestBed},
};
use crate::{
    cli::{AppendOnly, Backend, Database, RankingArguments},
    figures::{exact, grouped, median, short},
    report::{Bar, Due, Report, Row},
    watch,
};

const CONCERTS: u32 = 5_000;
const SEATS: u64 = 1_000_000;
const DAILY: &str = "/v1/rankings/concerts?period=daily";

/// The time after which the measurement fails if the job has not counted all sales.
const COUNTED_WITHIN: Duration = Duration::from_mins(10);

/// The pause between two checks of the uncounted reservations. A check also costs the database
/// time.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The number of starts with an empty cache.
const STARTS: u32 = 3;

/// Measures the rows of the ranking.
pub(crate) async fn measure(arguments: &RankingArguments, report: &mut Report) -> Result<()> {
    let settings = &arguments.settings;
    let required = RequiredStores {
        backends: &[arguments.backend],
        database: Database::Mysql,
        append_only: AppendOnly::No,
    };
    let mut environment = Environment::prepare(settings, required, report).await?;
    in_turns::measure(&mut environment, report, "ranking", rows).await;
    environment.end().await
}

async fn rows(environment: &Environment) -> Result<Vec<Row>> {
    let mut test_bed = environment.start_program().await?;
    let sales = Sales::of_yesterday(CONCERTS, SEATS)?;
    sales.put_into(environment.stores.mysql()?).await?;
    let counting = counting_time(environment).await?;
    let empty_cache = from_empty_cache(environment, &mut test_bed, &sales).await?;
    Ok(vec![
        counting,
        empty_cache,
        from_cache(environment, &mut test_bed, &sales).await?,
    ])
}

/// Measures the time from the last sale until the program's job has counted all sales. The job
/// starts while sales are still inserted.
async fn counting_time(environment: &Environment) -> Result<Row> {
    let mysql = environment.stores.mysql()?;
    let database = mysql.newest().context("there is no database")?;
    let mut connection = mysql.connect(&database).await?;
    let began = watch::now();
    let uncounted_at_first = uncounted(&mut connection).await?;
    while uncounted(&mut connection).await? > 0 {
        ensure!(began.elapsed() < COUNTED_WITHIN, "sales are not counted");
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
    let duration = began.elapsed().as_secs_f64();
    let what = format!("counting {} sold seats", grouped(exact(SEATS)));
    let behind = format!(
        "{} reservations were left when the last was inserted; then {}/s were counted",
        grouped(exact(uncounted_at_first)),
        grouped((exact(uncounted_at_first) / duration).round())
    );
    let row = Row::new(what, Some(duration)).unit("s").less_is_better();
    Ok(row.behind(behind))
}

/// Returns the number of reservations that are not counted yet.
async fn uncounted(connection: &mut Conn) -> Result<u64> {
    let sql = "SELECT COUNT(*) FROM reservations
               WHERE counted_at IS NULL AND confirmed_at IS NOT NULL";
    let count = connection.query_first(sql).await?;
    count.context("a count has a row")
}

/// Measures the time from the start of an instance with an empty cache to its first answer. The
/// instance computes all rankings again.
async fn from_empty_cache(
    environment: &Environment,
    test_bed: &mut TestBed,
    sales: &Sales,
) -> Result<Row> {
    let mysql = environment.stores.mysql()?;
    let mut connection = mysql.connect("").await?;
    let mut answers = Vec::new();
    let mut behind = Vec::new();
    for _ in 0..STARTS {
        if environment.backend == Backend::Redis {
            environment.stores.redis()?.empty().await?;
        }
        let rows_before = mysql.rows_read(&mut connection).await?;
        let began = watch::now();
        test_bed.program.restart().await?;
        let ready = began.elapsed();
        sales.check(&answer(test_bed).await?)?;
        let answered = began.elapsed();
        let rows = mysql.rows_read(&mut connection).await? - rows_before;
        answers.push(answered.as_secs_f64() * 1e3);
        behind.push(format!(
            "ready after {}, answered after {}; the database read {} rows",
            short(ready),
            short(answered),
            grouped(exact(rows))
        ));
    }
    let what = format!(
        "from the start to the first ranking of {} seats, cache empty",
        grouped(exact(SEATS))
    );
    let row = Row::new(what, median(&answers)).unit("ms").less_is_better();
    Ok(behind.into_iter().fold(row, Row::behind))
}

async fn from_cache(
    environment: &Environment,
    test_bed: &mut TestBed,
    sales: &Sales,
) -> Result<Row> {
    sales.check(&answer(test_bed).await?)?;
    let what = "ranking from the cache: rate ÷ bare route";
    let row =
        against_bare::public_route(environment, test_bed, what, DAILY, r#""seats_sold":"#).await?;
    Ok(row.bar(Bar::AtLeast(0.95), Due::Plan(11)))
}

async fn answer(test_bed: &TestBed) -> Result<String> {
    let reply = test_bed.program.client().get(DAILY).await?;
    Ok(reply.expect_status(200)?.text)
}

impl Sales {
    /// Errors if the ranking in `answer` is not that of these sales.
    fn check(&self, answer: &str) -> Result<()> {
        let answer: Value = serde_json::from_str(answer)?;
        let items = answer.get("items").and_then(Value::as_array);
        let items = items.context("a ranking has no items")?;
        let sold = |item: &Value| item.get("seats_sold").and_then(Value::as_u64);
        let found: Vec<_> = items.iter().filter_map(sold).collect();
        let best: Vec<_> = self.seats_sold().take(found.len().max(1)).collect();
        ensure!(
            found == best,
            "the ranking has {found:?}, but {best:?} were sold"
        );
        Ok(())
    }
}
