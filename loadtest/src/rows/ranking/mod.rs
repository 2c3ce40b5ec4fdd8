//! The ranking: what it costs with a million sold seats, and how fast it is answered from the
//! cache.

mod sales;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mysql_async::{Conn, prelude::Queryable};
use serde_json::Value;

use self::sales::Sales;
use super::{
    against_bare, in_turns,
    stage::{Stage, Stages, Wanted},
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

/// The limit after which counting is considered failed.
const COUNTED_WITHIN: Duration = Duration::from_mins(10);

/// The pause between two checks of the remaining reservations. The checks also cost the database
/// time.
const LOOK: Duration = Duration::from_secs(1);

/// How often the program is started with an empty cache.
const STARTS: u32 = 3;

/// Measures the rows of the ranking.
pub(crate) async fn measure(arguments: &RankingArguments, report: &mut Report) -> Result<()> {
    let settings = &arguments.settings;
    let wanted = Wanted {
        backends: &[arguments.backend],
        database: Database::Mysql,
        append_only: AppendOnly::No,
    };
    let mut stages = Stages::open(settings, wanted, report).await?;
    in_turns::measure(&mut stages, report, "ranking", rows).await;
    stages.end().await
}

async fn rows(stages: &Stages) -> Result<Vec<Row>> {
    let mut stage = stages.set().await?;
    let sales = Sales::of_yesterday(CONCERTS, SEATS)?;
    sales.put_into(stages.stores.mysql()?).await?;
    let counted = counted(stages).await?;
    let anew = anew(stages, &mut stage, &sales).await?;
    Ok(vec![
        counted,
        anew,
        cached(stages, &mut stage, &sales).await?,
    ])
}

/// The time from the last sale until the program's job has counted all sales. The job starts while
/// sales are still inserted.
async fn counted(stages: &Stages) -> Result<Row> {
    let mysql = stages.stores.mysql()?;
    let database = mysql.newest().context("there is no database")?;
    let mut connection = mysql.connect(&database).await?;
    let began = watch::now();
    let first = left(&mut connection).await?;
    while left(&mut connection).await? > 0 {
        ensure!(began.elapsed() < COUNTED_WITHIN, "sales are not counted");
        tokio::time::sleep(LOOK).await;
    }
    let lasted = began.elapsed().as_secs_f64();
    let what = format!("counting {} sold seats", grouped(exact(SEATS)));
    let behind = format!(
        "{} reservations were left when the last was inserted; then {}/s were counted",
        grouped(exact(first)),
        grouped((exact(first) / lasted).round())
    );
    let row = Row::new(what, Some(lasted)).unit("s").less_is_better();
    Ok(row.behind(behind))
}

/// The number of reservations that are not counted yet.
async fn left(connection: &mut Conn) -> Result<u64> {
    let sql = "SELECT COUNT(*) FROM reservations
               WHERE counted_at IS NULL AND confirmed_at IS NOT NULL";
    let left = connection.query_first(sql).await?;
    left.context("a count has a row")
}

/// The time from the start of an instance with an empty cache to its first answer. All rankings are
/// computed again.
async fn anew(stages: &Stages, stage: &mut Stage, sales: &Sales) -> Result<Row> {
    let mysql = stages.stores.mysql()?;
    let mut connection = mysql.connect("").await?;
    let mut answers = Vec::new();
    let mut behind = Vec::new();
    for _ in 0..STARTS {
        if stages.backend == Backend::Redis {
            stages.stores.redis()?.empty().await?;
        }
        let rows_before = mysql.rows_read(&mut connection).await?;
        let began = watch::now();
        stage.program.restart().await?;
        let ready = began.elapsed();
        sales.check(&answer(stage).await?)?;
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

async fn cached(stages: &Stages, stage: &mut Stage, sales: &Sales) -> Result<Row> {
    sales.check(&answer(stage).await?)?;
    let what = "ranking from the cache: rate ÷ bare route";
    let row = against_bare::public_route(stages, stage, what, DAILY, r#""seats_sold":"#).await?;
    Ok(row.bar(Bar::AtLeast(0.95), Due::Plan(11)))
}

async fn answer(stage: &Stage) -> Result<String> {
    let reply = stage.program.client().get(DAILY).await?;
    Ok(reply.expect_status(200)?.text)
}

impl Sales {
    /// Errors if the ranking is not that of these sales.
    fn check(&self, answer: &str) -> Result<()> {
        let answer: Value = serde_json::from_str(answer)?;
        let items = answer.get("items").and_then(Value::as_array);
        let items = items.context("a ranking has no items")?;
        let sold = |item: &Value| item.get("seats_sold").and_then(Value::as_u64);
        let found: Vec<_> = items.iter().filter_map(sold).collect();
        let best: Vec<_> = self.best().take(found.len().max(1)).collect();
        ensure!(
            found == best,
            "the ranking has {found:?}, but {best:?} were sold"
        );
        Ok(())
    }
}
